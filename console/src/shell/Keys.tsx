// Keyboard shortcuts: g and a letter goes to a page, ? lists them all. Pages add their own.
import { Group, Kbd, Modal, Stack, Table, Text, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { destinations } from "./places";

/**
 * A page's shortcut: `key` as the browser names it, `about` as shown in the list. `act` returns `false` to
 * leave the key to the browser.
 */
export type Key = { key: string; about: string; act: (event: KeyboardEvent) => void };

const pages = new Map<symbol, Key[]>();
const watchers = new Set<() => void>();
let flat: Key[] = [];
let show = () => {};

/** Shows the list of shortcuts. */
export const showKeys = () => show();

function changed() {
  flat = [...pages.values()].flat();
  for (const watcher of watchers) watcher();
}

/** Adds shortcuts while the component is mounted. Pass a stable list (`useMemo`). */
export function useKeys(keys: Key[]) {
  useEffect(() => {
    const id = Symbol();
    pages.set(id, keys);
    changed();
    return () => {
      pages.delete(id);
      changed();
    };
  }, [keys]);
}

/** Whether shortcuts are off: a modifier is held, someone is typing, or a dialog is open. */
function busy(event: KeyboardEvent) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing)
    return true;
  const at = event.target instanceof HTMLElement ? event.target : undefined;
  return (
    !!at?.closest("input, textarea, select, [contenteditable='true'], [role='menu'], [role='listbox']") ||
    !!document.querySelector("[aria-modal='true']")
  );
}

export function Keys() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [opened, setOpened] = useState(false);
  const going = useRef(0);
  const here = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => flat,
  );
  show = () => setOpened(true);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (busy(event)) return;
      const place = Date.now() - going.current < 1_500 && destinations.find(({ key }) => key === event.key);
      going.current = 0;
      if (place) {
        event.preventDefault();
        void navigate({ to: place.to });
      } else if (event.key === "g") going.current = Date.now();
      else if (event.key === "?") setOpened(true);
      else flat.find(({ key }) => key === event.key)?.act(event);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [navigate]);
  return (
    <Modal opened={opened} onClose={() => setOpened(false)} title={t("keys.title")}>
      <Stack>
        {here.length > 0 && (
          <Rows title={t("keys.here")} rows={here.map(({ key, about }) => [[key], about])} />
        )}
        <Rows
          title={t("keys.everywhere")}
          rows={[
            [["Ctrl", "K"], t("finder.open")],
            [["?"], t("keys.title")],
            ...destinations.map(({ key, name }): [string[], string] => [["g", key], t(`nav.${name}`)]),
          ]}
        />
      </Stack>
    </Modal>
  );
}

function Rows({ title, rows }: { title: string; rows: [string[], string][] }) {
  return (
    <div>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <Table>
        <Table.Tbody>
          {rows.map(([keys, about]) => (
            <Table.Tr key={keys.join()}>
              <Table.Td w={110}>
                <Group gap={4} dir="ltr">
                  {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </Group>
              </Table.Td>
              <Table.Td>
                <Text size="sm">{about}</Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
