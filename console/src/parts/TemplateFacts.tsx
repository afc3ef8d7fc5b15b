// What is known of message templates: their state, why one cannot be sent, and when they were read.
import { Badge, Button, Group, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { useLanguageNames } from "./languages";
import type { Template } from "./template";
import { When } from "./When";

const colours: Record<Schemas["TemplateState"], string> = {
  approved: "teal",
  pending: "blue",
  rejected: "red",
  paused: "orange",
  disabled: "red",
  deleted: "gray",
};

export function TemplateState({ state }: Pick<Template, "state">) {
  const { t } = useTranslation("templates");
  return (
    <Badge component="span" color={known(colours, state, "gray")} variant="light" tt="none">
      {t(`state.${state}`, { defaultValue: state })}
    </Badge>
  );
}

/** Why a template cannot be sent: in the reader's words, then WhatsApp's own. */
export function Obstacle({ template: { state, supported, reason } }: { template: Template }) {
  const { t } = useTranslation("templates");
  if (state === "approved") return supported ? null : t("unsupported");
  return (
    <>
      {t(`obstacle.${state}`, { defaultValue: state })}
      {reason && (
        <>
          {" "}
          <bdi lang="en" dir="ltr">
            ({reason})
          </bdi>
        </>
      )}
    </>
  );
}

/** Returns a function that names the language of a template, whose codes are written as `en_US`. */
export function useTemplateLanguage() {
  const nameOf = useLanguageNames();
  return (code: string) => nameOf(code.replaceAll("_", "-"));
}

type ReadTemplatesProps = {
  /** When they were last read from WhatsApp. */
  at: number | null | undefined;
  busy: boolean;
  read: () => void;
  children?: ReactNode;
};

/** When the templates were read, and the button that reads them again. */
export function ReadTemplates({ at, busy, read, children }: ReadTemplatesProps) {
  const { t } = useTranslation("templates");
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed">
        {at == null ? (
          t("read.never")
        ) : (
          <>
            {t("read.at")} <When at={at} ago />
          </>
        )}
      </Text>
      <Group gap="xs">
        {children}
        <Button
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={14} aria-hidden />}
          loading={busy}
          onClick={read}
        >
          {t(at == null ? "read.first" : "read.again")}
        </Button>
      </Group>
    </Group>
  );
}
