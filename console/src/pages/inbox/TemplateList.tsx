// The templates of a number: those that can be sent, then the others and why not.
import { Badge, Group, Stack, Text, TextInput, Title, UnstyledButton } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { FoldedList } from "@/parts/FoldedList";
import { Obstacle, useTemplateLanguage } from "@/parts/TemplateFacts";
import { hasWords, isSendable, partsOf, type Template, templateKey } from "@/parts/template";
import { plain } from "@/parts/whatsapp";
import classes from "./Template.module.css";

type Props = {
  templates: readonly Template[];
  choose: (template: Template) => void;
  /** Whether the search gets the focus as it appears. */
  focused: boolean;
};

export function TemplateList({ templates, choose, focused }: Props) {
  const { t } = useTranslation("templates");
  const [words, setWords] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const others = useId();
  // The list may come after the dialog has opened, or after a template that was not the right one.
  const isFirst = useRef(focused);
  useEffect(() => {
    if (isFirst.current) field.current?.focus();
  }, []);
  const matching = templates.filter((one) => hasWords(one, words));
  const sendable = matching.filter(isSendable);
  const obstructed = matching.filter((one) => !isSendable(one));
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("about")}
      </Text>
      <div>
        <TextInput
          ref={field}
          data-autofocus={focused || undefined}
          type="search"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          // It may stand in a form, which Enter must not send.
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
          placeholder={t("search")}
          aria-label={t("search")}
        />
        <div role="status">
          {sendable.length === 0 && (
            <Text size="sm" mt="md">
              {t(templates.some(isSendable) ? "nothing" : "noneSendable")}
            </Text>
          )}
        </div>
      </div>
      {sendable.length > 0 && (
        <FoldedList all={sendable}>
          {(shown) => (
            <ul className={classes.list} aria-label={t("list")}>
              {shown.map((one) => (
                <li key={templateKey(one)}>
                  <UnstyledButton className={classes.choice} onClick={() => choose(one)}>
                    <TemplateHead template={one} />
                    <Text component="span" size="sm" c="dimmed" lineClamp={2} dir="auto">
                      {plain(partsOf(one, {}, () => "[…]").body)}
                    </Text>
                  </UnstyledButton>
                </li>
              ))}
            </ul>
          )}
        </FoldedList>
      )}
      {obstructed.length > 0 && (
        <section aria-labelledby={others}>
          <Title order={3} size="h6" id={others} mb={6}>
            {t("others")}
          </Title>
          <FoldedList all={obstructed}>
            {(shown) => (
              <ul className={classes.list}>
                {shown.map((one) => (
                  <li key={templateKey(one)}>
                    <TemplateHead template={one} />
                    <Text size="sm" c="dimmed">
                      <Obstacle template={one} />
                    </Text>
                  </li>
                ))}
              </ul>
            )}
          </FoldedList>
        </section>
      )}
    </Stack>
  );
}

/** What a template is called, its language, and what it is for. */
export function TemplateHead({ template: { name, language, category } }: { template: Template }) {
  const { t } = useTranslation("templates");
  const languageOf = useTemplateLanguage();
  return (
    <Group component="span" gap={8}>
      <bdi dir="ltr" className={classes.name}>
        {name}
      </bdi>
      <Text component="span" size="sm">
        {languageOf(language)}
      </Text>
      <Badge component="span" size="sm" color="gray" variant="light" tt="none">
        {t(`category.${category}`, { defaultValue: category })}
      </Badge>
    </Group>
  );
}
