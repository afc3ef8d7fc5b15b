// Asks before something is done that cannot be taken back.
import { Button, Group, getDefaultZIndex, Modal, Text } from "@mantine/core";
import { useWindowEvent } from "@mantine/hooks";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { useTranslation } from "react-i18next";

type Question = {
  title: string;
  text: ReactNode;
  /** What the button says that does it. */
  yes: string;
  /** Whether something is lost by it. */
  danger?: boolean;
};

type Asked = Question & { answer: (yes: boolean) => void };

const Asking = createContext<(question: Question) => Promise<boolean>>(async () => false);

/** `if (await confirm({ title, text, yes, danger: true })) …` */
export function useConfirm() {
  return useContext(Asking);
}

export function Confirming({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Asked>();
  const [opened, setOpened] = useState(false);
  const ask = useCallback(
    (question: Question) =>
      new Promise<boolean>((answer) => {
        setAsked({ ...question, answer });
        setOpened(true);
      }),
    [],
  );
  const answer = (yes: boolean) => {
    asked?.answer(yes);
    setOpened(false);
  };
  // Escape answers the question alone: Mantine would close the drawer below it, too, and what was typed there is lost.
  useWindowEvent(
    "keydown",
    (event) => {
      if (!opened || event.key !== "Escape" || event.isComposing) return;
      event.stopImmediatePropagation();
      answer(false);
    },
    { capture: true },
  );
  return (
    <Asking.Provider value={ask}>
      {children}
      <Modal
        opened={opened}
        onClose={() => answer(false)}
        closeOnEscape={false}
        title={asked?.title}
        // Above the drawer or dialog that asks: they come into the page after this one.
        zIndex={getDefaultZIndex("popover")}
        closeButtonProps={{ "aria-label": t("action.close") }}
      >
        <Text size="sm" component="div">
          {asked?.text}
        </Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={() => answer(false)}>
            {t("action.cancel")}
          </Button>
          <Button color={asked?.danger ? "red" : undefined} onClick={() => answer(true)} data-autofocus>
            {asked?.yes}
          </Button>
        </Group>
      </Modal>
    </Asking.Provider>
  );
}
