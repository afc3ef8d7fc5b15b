// What a message holds, in the form that its kind has. What cannot be shown says what it is.
import { Anchor, List, Text } from "@mantine/core";
import { IconAddressBook, IconBasket, IconForms, IconHandClick, IconMapPin } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { File, Picture } from "./Files";
import { holds } from "./holds";
import { Recording } from "./Recording";
import type { Message } from "./thread";
import { Words } from "./Words";

function Kind({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <Text size="xs" fw={600} style={{ display: "flex", alignItems: "center", gap: 5 }}>
      {icon}
      {children}
    </Text>
  );
}

function Place({ message }: { message: Message }) {
  const { t } = useTranslation("inbox");
  const { place } = holds(message);
  if (!place) return null;
  const { latitude, longitude, name, address } = place;
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  return (
    <>
      <Kind icon={<IconMapPin size={15} aria-hidden />}>{t("kind.location")}</Kind>
      {name && <Words text={name} />}
      {address && <Words text={address} />}
      <Anchor href={map} target="_blank" rel="noopener noreferrer" size="sm" c="inherit" underline="always">
        {t("media.map")}
      </Anchor>
    </>
  );
}

function Form({ message }: { message: Message }) {
  const { t } = useTranslation("inbox");
  return (
    <>
      <Kind icon={<IconForms size={15} aria-hidden />}>{t("kind.form")}</Kind>
      {message.text && <Words text={message.text} />}
      <List size="sm" spacing={0}>
        {holds(message).answers.map(([name, value]) => (
          <List.Item key={name}>
            <bdi>{name}</bdi>: <bdi>{value}</bdi>
          </List.Item>
        ))}
      </List>
    </>
  );
}

export function Content({ message, conversation }: { message: Message; conversation: string }) {
  const { t } = useTranslation("inbox");
  const words = message.text ? <Words text={message.text} /> : null;
  switch (message.kind) {
    case "text":
      return words ?? <Text size="sm">{t("kind.empty")}</Text>;
    case "voice":
    case "audio":
    case "video":
      return <Recording message={message} conversation={conversation} />;
    case "image":
    case "sticker":
      return (
        <>
          <Picture message={message} />
          {message.text && <div style={{ padding: "6px 4px 0" }}>{words}</div>}
        </>
      );
    case "document":
      return (
        <>
          <File message={message} />
          {words}
        </>
      );
    case "location":
      return <Place message={message} />;
    case "contacts":
      return (
        <>
          <Kind icon={<IconAddressBook size={15} aria-hidden />}>{t("kind.contacts")}</Kind>
          {holds(message).names.map((name) => (
            <Words key={name} text={name} />
          ))}
        </>
      );
    case "choice":
      return (
        <>
          <Kind icon={<IconHandClick size={15} aria-hidden />}>{t("kind.choice")}</Kind>
          <Words text={holds(message).title ?? message.text ?? ""} />
        </>
      );
    case "form":
      return <Form message={message} />;
    case "order":
      return (
        <>
          <Kind icon={<IconBasket size={15} aria-hidden />}>
            {t("kind.orderOf", { count: holds(message).things })}
          </Kind>
          {words}
        </>
      );
    default:
      return (
        <>
          <Text size="sm" fs="italic">
            {t("kind.unshown", { kind: holds(message).sort ?? message.kind })}
          </Text>
          {words}
        </>
      );
  }
}

/** What happened that nobody said: a line in the middle. */
export function Happening({ message }: { message: Message }) {
  const { t } = useTranslation("inbox");
  const { emoji, changed, notice } = holds(message);
  switch (message.kind) {
    case "reaction":
      return <>{emoji ? t("event.reaction", { emoji }) : t("event.reactionGone")}</>;
    case "edited":
      return (
        <>
          {t("event.edited")} <bdi>{changed}</bdi>
        </>
      );
    case "revoked":
      return <>{t("event.revoked")}</>;
    case "welcome":
      return <>{t("event.welcome")}</>;
    case "call_permission":
      return <>{t("event.call")}</>;
    default:
      return <bdi>{notice ?? t("event.system")}</bdi>;
  }
}
