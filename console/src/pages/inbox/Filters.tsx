// The list's filters: a search, the state, and the number if there are several.
import { CloseButton, Group, Select, Stack, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { type RefObject, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useCounts, useNumbers } from "./conversations";
import { type Filter, LONGEST_SEARCH, owners, type Show, standings } from "./filter";
import classes from "./inbox.module.css";

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

export function Filters({ filter, field }: { filter: Filter; field: RefObject<HTMLInputElement | null> }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const change = useChange();
  const counts = useCounts();
  const numbers = useNumbers() ?? [];
  const count: Partial<Record<Show, number>> = counts ?? {};
  const option = (value: Show) => {
    const many = count[value];
    const label = t(`show.${value}`);
    return { value, label: many ? `${label} (${format.compact(many)})` : label };
  };
  return (
    <Stack gap="xs" className={classes.head}>
      <Search q={filter.q} field={field} />
      <Group gap="xs" grow wrap="nowrap">
        <Select
          aria-label={t("filter.show")}
          allowDeselect={false}
          value={filter.show}
          onChange={(value) => change({ show: value === "all" || !value ? undefined : value })}
          data={[
            { group: t("filter.standing"), items: standings.map(option) },
            { group: t("filter.owner"), items: owners.map(option) },
          ]}
          maxDropdownHeight={420}
        />
        {(numbers.length > 1 || filter.number) && (
          <Select
            aria-label={t("filter.number")}
            placeholder={t("filter.everyNumber")}
            clearable
            clearButtonProps={{ "aria-label": t("filter.everyNumber") }}
            value={filter.number || null}
            onChange={(value) => change({ number: value ?? undefined })}
            data={[...new Set([...numbers.map(({ slug }) => slug), filter.number])].filter(Boolean)}
          />
        )}
      </Group>
    </Stack>
  );
}
