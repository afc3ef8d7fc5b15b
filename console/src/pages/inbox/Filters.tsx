// The list's filters: a search, two tabs and a menu for the state, and the number if there are several.
import {
  ActionIcon,
  CloseButton,
  Group,
  Menu,
  Select,
  Stack,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconFilter, IconMessagePlus, IconSearch, IconX } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { type RefObject, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { lazyDialog } from "@/parts/lazyDialog";
import { useCounts, useNumbers } from "./conversations";
import { type Filter, type InboxView, LONGEST_SEARCH, owners, standings } from "./filter";
import classes from "./inbox.module.css";
import { useNumberName } from "./names";

const NewConversationDialog = lazyDialog(
  async () => (await import("./NewConversationDialog")).NewConversationDialog,
);

/** Changes the filters in the address and keeps the open conversation. */
export function useChange() {
  const navigate = useNavigate();
  return (change: { show?: string; q?: string; number?: string }) =>
    void navigate({
      to: ".",
      search: (old) => ({ ...old, ...change }),
      replace: true,
      resetScroll: false,
    });
}

function Search({ q, field }: { q: string; field: RefObject<HTMLInputElement | null> }) {
  const { t } = useTranslation("inbox");
  const change = useChange();
  const [text, setText] = useState(q);
  const later = useDebouncedCallback((next: string) => change({ q: next.trim() || undefined }), 250);
  // The filters were cleared, or the browser went back.
  useEffect(() => {
    if (document.activeElement !== field.current || !q) setText(q);
  }, [q, field]);
  const write = (next: string) => {
    setText(next);
    later(next);
  };
  return (
    <TextInput
      ref={field}
      flex={1}
      type="search"
      value={text}
      maxLength={LONGEST_SEARCH}
      onChange={(event) => write(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
        event.preventDefault();
        if (text) write("");
        else event.currentTarget.blur();
      }}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        text ? <CloseButton size="sm" aria-label={t("filter.clearSearch")} onClick={() => write("")} /> : null
      }
      placeholder={t("filter.search")}
      aria-label={t("filter.search")}
    />
  );
}

/** The states that a tab shows. */
const tabs: readonly InboxView[] = ["waiting", "all"];

/** How many conversations a filter shows, as far as it is counted: not of one number or search. */
function useCountOf({ q, number }: Filter) {
  const counts = useCounts();
  const format = useFormat();
  const isWhole = !q && !number;
  const all: Partial<Record<InboxView, number>> =
    counts && isWhole ? { ...counts, all: counts.bot + counts.person + counts.nobody } : {};
  return (show: InboxView) => {
    const many = all[show];
    return many === undefined ? undefined : format.compact(many);
  };
}

type StatePickerProps = { filter: Filter; pick: (show: InboxView) => void };

/** The tabs; a state that was picked in the menu is a third one, and pressing it removes it. */
function Tabs({ filter, pick }: StatePickerProps) {
  const { t } = useTranslation("inbox");
  const countOf = useCountOf(filter);
  const { show } = filter;
  const picked = tabs.includes(show) ? [] : [show];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form.
    <div className={classes.tabs} role="group" aria-label={t("filter.show")}>
      {[...tabs, ...picked].map((one) => {
        const removes = !tabs.includes(one);
        return (
          <UnstyledButton
            key={one}
            className={classes.tab}
            data-show={one}
            aria-pressed={one === show}
            title={removes ? t("filter.without", { filter: t(`show.${one}`) }) : undefined}
            onClick={() => pick(removes ? "all" : one)}
          >
            <span className={classes.tabName}>{t(`show.${one}`)}</span>
            {countOf(one) !== undefined && <span className={classes.many}>{countOf(one)}</span>}
            {removes && <IconX size={14} aria-hidden />}
          </UnstyledButton>
        );
      })}
    </div>
  );
}

/** Every state and owner, with what is counted of them. */
function States({ filter, pick }: StatePickerProps) {
  const { t } = useTranslation("inbox");
  const countOf = useCountOf(filter);
  const { show } = filter;
  const item = (one: InboxView) => (
    <Menu.RadioItem
      key={one}
      value={one}
      checked={one === show}
      closeMenuOnClick
      rightSection={<span className={classes.many}>{countOf(one)}</span>}
      onChange={() => pick(one)}
    >
      {t(`show.${one}`)}
    </Menu.RadioItem>
  );
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <ActionIcon
          size={36}
          variant={tabs.includes(show) ? "default" : "light"}
          aria-label={t("filter.more")}
          title={t("filter.more")}
        >
          <IconFilter size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("filter.standing")}</Menu.Label>
        {standings.map(item)}
        <Menu.Label>{t("filter.owner")}</Menu.Label>
        {owners.map(item)}
      </Menu.Dropdown>
    </Menu>
  );
}

function Numbers({ number }: { number: string }) {
  const { t } = useTranslation("inbox");
  const change = useChange();
  const nameOf = useNumberName();
  const numbers = useNumbers() ?? [];
  if (numbers.length < 2 && !number) return null;
  const slugs = new Set([...numbers.map(({ slug }) => slug), number].filter(Boolean));
  return (
    <Select
      aria-label={t("filter.number")}
      placeholder={t("filter.everyNumber")}
      clearable
      clearButtonProps={{ "aria-label": t("filter.everyNumber") }}
      value={number || null}
      onChange={(value) => change({ number: value ?? undefined })}
      data={[...slugs].map((slug) => ({ value: slug, label: nameOf(slug) }))}
    />
  );
}

/** Writes to a customer who has not written. */
function NewConversation() {
  const { t } = useTranslation("inbox");
  const [opened, setOpened] = useState(false);
  return (
    <>
      <ActionIcon
        size={36}
        variant="default"
        aria-label={t("begin.title")}
        title={t("begin.title")}
        onClick={() => setOpened(true)}
      >
        <IconMessagePlus size={18} className="flip" aria-hidden />
      </ActionIcon>
      <NewConversationDialog opened={opened} onClose={() => setOpened(false)} />
    </>
  );
}

export function Filters({ filter, field }: { filter: Filter; field: RefObject<HTMLInputElement | null> }) {
  const change = useChange();
  const pick = (show: InboxView) => change({ show: show === "all" ? undefined : show });
  return (
    <Stack gap={10} className={classes.head}>
      <Group gap="xs" wrap="nowrap">
        <Search q={filter.q} field={field} />
        <States filter={filter} pick={pick} />
        <NewConversation />
      </Group>
      <Numbers number={filter.number} />
      <Tabs filter={filter} pick={pick} />
    </Stack>
  );
}
