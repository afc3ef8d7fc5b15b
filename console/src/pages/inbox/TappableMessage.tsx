// A message with something to tap: choices, a link, products or a form below a text, a place, or address cards.
import { Anchor, List } from "@mantine/core";
import {
  IconAddressBook,
  IconBasket,
  IconForms,
  IconHandClick,
  IconLink,
  IconMapPin,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { known } from "@/api/words";
import { FoldedList } from "@/parts/FoldedList";
import { Kind } from "./Kind";
import { type Card, cardsOf, linksOf } from "./messageParts";
import { TemplateButtons } from "./TemplateMessage";
import type { TappableContent } from "./tappable";
import classes from "./thread.module.css";
import { Words } from "./Words";

type ContentOf<Type> = Extract<TappableContent, { type: Type }>;
type Option = ContentOf<"choices">["options"][number];
type Around = { body: string; header?: string | null; footer?: string | null };

const labelOf = ({ title, description }: Option) => (description ? `${title} – ${description}` : title);

function Texts({ body, header, footer }: Around) {
  return (
    <>
      {header && <Words text={`*${header}*`} />}
      {body && <Words text={body} />}
      {footer && <Words text={footer} />}
    </>
  );
}

function Link({ label, url }: ContentOf<"link">) {
  if (!/^https?:\/\//i.test(url)) return null;
  return (
    <Anchor
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      size="sm"
      c="inherit"
      underline="always"
      title={url}
    >
      <bdi>{label}</bdi>
    </Anchor>
  );
}

function Products({ catalog, sections }: ContentOf<"products">) {
  const { t } = useTranslation("inbox");
  return (
    <>
      {sections.map(({ title, products }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: sections do not change places.
        <div key={at}>
          {title && <Words text={title} />}
          <List size="sm" spacing={0}>
            {products.map((product) => (
              <List.Item key={product}>
                <bdi dir="ltr">{product}</bdi>
              </List.Item>
            ))}
          </List>
        </div>
      ))}
      <p className={classes.words}>{t("buttons.ofCatalog", { catalog: `\u2066${catalog}\u2069` })}</p>
    </>
  );
}

function Place({ latitude, longitude, name, address, url }: ContentOf<"location">) {
  const { t } = useTranslation("inbox");
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  return (
    <>
      {name && <Words text={name} />}
      {address && <Words text={address} />}
      {url && <Words text={url} />}
      {Number.isFinite(latitude + longitude) && (
        <Anchor href={map} target="_blank" rel="noopener noreferrer" size="sm" c="inherit" underline="always">
          {t("media.map")}
        </Anchor>
      )}
    </>
  );
}

function AddressCard({ card }: { card: Card }) {
  return (
    <div>
      {card.name && <Words text={card.name} />}
      <FoldedList all={linksOf(card)}>
        {(links) =>
          links.map(({ text, href }, at) =>
            href ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: links do not change places.
              <Anchor key={at} href={href} size="sm" c="inherit" underline="always" display="block">
                <bdi dir="ltr">{text}</bdi>
              </Anchor>
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: links do not change places.
              <p key={at} className={classes.words}>
                <bdi>{text}</bdi>
              </p>
            ),
          )
        }
      </FoldedList>
    </div>
  );
}

const icons = {
  choices: IconHandClick,
  link: IconLink,
  location: IconMapPin,
  contacts: IconAddressBook,
  products: IconBasket,
  flow: IconForms,
};

export function TappableMessage({ content }: { content: TappableContent }) {
  const { t } = useTranslation("inbox");
  const Icon = known(icons, content.type, IconHandClick);
  return (
    <>
      <Kind icon={<Icon size={15} aria-hidden />}>{t(`kind.${content.type}`)}</Kind>
      {"body" in content && <Texts {...content} />}
      {content.type === "choices" && <TemplateButtons labels={content.options.map(labelOf)} />}
      {content.type === "flow" && <TemplateButtons labels={[content.label]} />}
      {content.type === "link" && <Link {...content} />}
      {content.type === "products" && <Products {...content} />}
      {content.type === "location" && <Place {...content} />}
      {content.type === "contacts" && (
        <FoldedList all={cardsOf(content)}>
          {(cards) =>
            cards.map((card, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: cards do not change places.
              <AddressCard key={at} card={card} />
            ))
          }
        </FoldedList>
      )}
    </>
  );
}
