// Shows a message's content by its kind. A kind that cannot be shown is named.
import { List, Text } from "@mantine/core";
import { IconBasket, IconForms, IconHandClick } from "@tabler/icons-react";
import type { ReactElement, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { FoldedList } from "@/parts/FoldedList";
import { plain } from "@/parts/whatsapp";
import { File, Picture } from "./Files";
import { Kind } from "./Kind";
import { answersOf, itemsOf, totalOf } from "./messageParts";
import { Recording } from "./Recording";
import { TappableMessage } from "./TappableMessage";
import { TemplateMessage } from "./TemplateMessage";
import type { Message } from "./thread";
import { Words } from "./Words";

/** The content of a message of this type. */
type ContentOf<Type> = Extract<Schemas["Content"], { type: Type }>;

function Form({ form, words }: { form: ContentOf<"form">; words: ReactNode }) {
  const { t } = useTranslation("inbox");
  return (
    <>
      <Kind icon={<IconForms size={15} aria-hidden />}>{t("kind.form")}</Kind>
      {words}
      <FoldedList all={answersOf(form.response)}>
        {(answers) => (
          <List size="sm" spacing={0}>
            {answers.map(([name, value]) => (
              <List.Item key={name}>
                <bdi>{name}</bdi>: <bdi>{value}</bdi>
              </List.Item>
            ))}
          </List>
        )}
      </FoldedList>
    </>
  );
}

function Order({ order, words }: { order: unknown; words: ReactNode }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const items = itemsOf(order);
  const total = totalOf(items);
  return (
    <>
      <Kind icon={<IconBasket size={15} aria-hidden />}>{t("kind.orderOf", { count: items.length })}</Kind>
      {words}
      <FoldedList all={items}>
        {(shown) => (
          <List size="sm" spacing={0}>
            {shown.map(({ product, quantity, price, currency }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: items do not change places.
              <List.Item key={at}>
                {format.count(quantity)} × <bdi>{product}</bdi>
                {price !== undefined && <> · {format.price(price, currency)}</>}
              </List.Item>
            ))}
          </List>
        )}
      </FoldedList>
      {total && (
        <Text size="sm" fw={600}>
          {t("order.total", { total: format.price(total.amount, total.currency) })}
        </Text>
      )}
    </>
  );
}

type MediaProps = { message: Message; kind: Schemas["MediaKind"]; conversation: string; words: ReactNode };

function Media({ message, kind, conversation, words }: MediaProps): ReactElement {
  switch (kind) {
    case "voice":
    case "audio":
    case "video":
      return <Recording message={message} kind={kind} conversation={conversation} />;
    case "image":
    case "sticker":
      return (
        <>
          <Picture message={message} />
          {words && <div style={{ padding: "6px 4px 0" }}>{words}</div>}
        </>
      );
    default:
      // A document, or a kind newer than this page: it can be downloaded.
      return (
        <>
          <File message={message} />
          {words && <div style={{ paddingBlockStart: 6 }}>{words}</div>}
        </>
      );
  }
}

export function Content({ message, conversation }: { message: Message; conversation: string }) {
  const { t } = useTranslation("inbox");
  const { content, kind } = message;
  const words = message.text ? <Words text={message.text} /> : null;
  switch (content.type) {
    case "text":
      return words ?? <Text size="sm">{t("kind.empty")}</Text>;
    case "media":
      return <Media message={message} kind={content.kind} conversation={conversation} words={words} />;
    case "template":
      return (
        <TemplateMessage text={content.text} buttons={content.buttons}>
          {message.media && (
            <Media message={message} kind={message.media.kind} conversation={conversation} words={null} />
          )}
        </TemplateMessage>
      );
    case "choices":
    case "link":
    case "products":
    case "flow":
    case "location":
    case "contacts":
      return <TappableMessage content={content} />;
    case "choice":
      return (
        <>
          <Kind icon={<IconHandClick size={15} aria-hidden />}>{t("kind.choice")}</Kind>
          <Words text={content.title || message.text || ""} />
        </>
      );
    case "form":
      return <Form form={content} words={words} />;
    case "order":
      return <Order order={content.order} words={words} />;
    default:
      return (
        <>
          <Text size="sm" fs="italic">
            {/* The provider's name for content that cannot be shown. An older server sends such content as
                a string. */}
            {t("kind.unshown", {
              kind: (typeof content === "object" && "kind" in content && content.kind) || kind,
            })}
          </Text>
          {words}
        </>
      );
  }
}

/** The text of an edited message. */
function changed(content: ContentOf<"edited">["content"]) {
  if (content?.type === "text") return content.body;
  return content?.type === "media" ? content.caption : undefined;
}

/** An event rather than a message: a line in the middle. */
export function EventText({ message: { content } }: { message: Message }) {
  const { t } = useTranslation("inbox");
  switch (content.type) {
    case "reaction":
      return <>{content.emoji ? t("event.reaction", { emoji: content.emoji }) : t("event.reactionGone")}</>;
    case "edited":
      return (
        <>
          {t("event.edited")} <bdi>{plain(changed(content.content) ?? "")}</bdi>
        </>
      );
    case "revoked":
      return <>{t("event.revoked")}</>;
    case "welcome":
      return <>{t("event.welcome")}</>;
    case "call_permission":
      return <>{t("event.call")}</>;
    default:
      return <bdi>{(content.type === "system" && content.body) || t("event.system")}</bdi>;
  }
}
