// A confirmation dialog for actions that cannot be undone.
import { Button, Group, getDefaultZIndex, Modal, Text } from "@mantine/core";
import { useWindowEvent } from "@mantine/hooks";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { useTranslation } from "react-i18next";

export type Question = {
  title: string;
  text: ReactNode;
  /** The label of the confirm button. */
  yes: string;
  /** Whether data will be lost. */
  danger?: boolean;
};

type OpenQuestion = Question & { answer: (yes: boolean) => void };

const ConfirmContext = createContext<(question: Question) => Promise<boolean>>(async () => false);

/** Usage: `if (await confirm({ title, text, yes, danger: true })) …` */
export function useConfirm() {
  return useContext(ConfirmContext);
}

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<OpenQuestion>();
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
  // Escape closes only this dialog: Mantine would also close the drawer below it and lose what was typed there.
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
    <ConfirmContext.Provider value={ask}>
      {children}
      <Modal
        opened={opened}
        onClose={() => answer(false)}
        closeOnEscape={false}
        title={asked?.title}
        // Above the drawer or dialog that asks, which is added to the page after this one.
        zIndex={getDefaultZIndex("popover")}
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
    </ConfirmContext.Provider>
  );
}
