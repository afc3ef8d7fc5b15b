// Chooses one of a number's templates, and follows it while it is filled.
import { Button, Stack } from "@mantine/core";
import { IconTemplate } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Async, Empty, Failed, Loading } from "@/parts/States";
import { ReadTemplates } from "@/parts/TemplateFacts";
import { type Template, templateKey } from "@/parts/template";
import { useFreshTemplates } from "@/parts/useTemplates";
import { TemplateList } from "./TemplateList";

export type TemplateChoice = {
  /** The template as it was chosen. */
  template: Template;
  /** The same as it was last read from WhatsApp; undefined: it is gone. */
  current: Template | undefined;
  /** Takes it as it is now. */
  renew: (current: Template) => void;
  back: () => void;
};

type Props = {
  /** Id of the number. */
  number: string;
  /** What was chosen. It stays as it was, whatever is read meanwhile. */
  template: Template | undefined;
  choose: (template: Template | undefined) => void;
  /** Whether the list's search gets the focus as it appears. */
  focused?: boolean;
  children: (choice: TemplateChoice) => ReactNode;
};

export function TemplatePicker({ number, template, choose, focused = true, children }: Props) {
  const { query, reading, read, isUnread } = useFreshTemplates(number);
  // Who comes back from a template goes on in the list.
  const wasChosen = useRef(focused);
  if (template) wasChosen.current = true;
  return (
    <Async query={query} shape="boxes">
      {({ templates, synced_at }) => {
        if (template) {
          const key = templateKey(template);
          const current = templates.find((one) => templateKey(one) === key);
          return children({ template, current, renew: choose, back: () => choose(undefined) });
        }
        if (templates.length === 0 && isUnread) return <Loading shape="boxes" />;
        return (
          <Stack>
            {reading.error && <Failed error={reading.error} />}
            {templates.length > 0 ? (
              <TemplateList templates={templates} choose={choose} focused={wasChosen.current} />
            ) : (
              !reading.error && <NoTemplates />
            )}
            <ReadTemplates at={synced_at} busy={reading.isPending} read={read}>
              {templates.length === 0 && <NumberLink id={number} />}
            </ReadTemplates>
          </Stack>
        );
      }}
    </Async>
  );
}

function NoTemplates() {
  const { t } = useTranslation("templates");
  return (
    <Empty icon={<IconTemplate />} title={t("none.title")}>
      {t("none.about")}
    </Empty>
  );
}

function NumberLink({ id }: { id: string }) {
  const { t } = useTranslation("templates");
  return (
    <Button
      renderRoot={(props) => <Link to="/numbers/$number" params={{ number: id }} {...props} />}
      size="xs"
      variant="default"
    >
      {t("none.number")}
    </Button>
  );
}
