// One conversation: its messages, and what a person does with it.
import { Button, Drawer, Stack } from "@mantine/core";
import { useDisclosure, useDocumentVisibility, useMediaQuery } from "@mantine/hooks";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { useDroppedFiles } from "@/parts/droppedFiles";
import { Failed, Loading } from "@/parts/States";
import { DropHint } from "./AttachedFile";
import { useActs, useThreadKeys } from "./actions";
import { useActivities } from "./activity";
import { useAttachment } from "./attachment";
import { Composer } from "./Composer";
import { Contact } from "./Contact";
import { show, useConversation } from "./conversations";
import type { Conversation } from "./filter";
import { Case, Head } from "./Head";
import list from "./inbox.module.css";
import { Messages } from "./Messages";
import { useNameOf } from "./Row";
import { usePending } from "./sending";
import { freshen, type Message, useMessages } from "./thread";
import { WhyDrawer } from "./WhyDrawer";
import { useWindow } from "./window";

/** Marks the conversation as seen while it is open in a visible tab. */
function useSeen(one: Conversation | undefined) {
  const visible = useDocumentVisibility() === "visible";
  const { id, unread = 0 } = one ?? {};
  const latest = useRef(one);
  latest.current = one;
  useEffect(() => {
    if (!id || !visible || unread === 0) return;
    const see = api.POST("/api/v1/conversations/{id}/seen", { params: { path: { id } } });
    see.then(
      () => {
        if (latest.current?.id === id) show({ ...latest.current, unread: 0 });
        reread("/api/v1/conversations/counts");
      },
      // Sent again with the next message.
      () => undefined,
    );
  }, [id, visible, unread]);
}

function LoadError({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useTranslation("inbox");
  return (
    <Stack p="md">
      <Failed error={error} again={again} />
      <Button component={Link} to="/inbox" variant="default" w="fit-content">
        {t("keys.back")}
      </Button>
    </Stack>
  );
}

type SidePaneProps = { isWide: boolean; opened: boolean; close: () => void; children: ReactNode };

/** A third pane where there is room for one; elsewhere a drawer. */
function SidePane({ isWide, opened, close, children }: SidePaneProps) {
  const { t } = useTranslation("inbox");
  if (isWide)
    return (
      <section className={list.contact} aria-label={t("contact.title")}>
        {children}
      </section>
    );
  return (
    <Drawer opened={opened} onClose={close} position="right" size="sm" title={t("contact.title")}>
      {children}
    </Drawer>
  );
}

function ThreadView({ conversation: one, id }: { conversation: Conversation; id: string }) {
  const { t } = useTranslation("inbox");
  const navigate = useNavigate();
  const name = useNameOf()(one);
  const isWide = useMediaQuery("(min-width: 80em)", undefined, { getInitialValueInEffect: false });
  const [isOpen, { open, close: hide }] = useDisclosure();
  const { trace } = useSearch({ strict: false });
  const window = useWindow(one) ?? { kind: "free" };
  const acts = useActs(id);
  const field = useRef<HTMLTextAreaElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const thread = useMessages(id);
  const activities = useActivities(one, thread.messages);
  const pending = usePending(id);
  const [quoting, setQuoting] = useState<Message>();
  useThreadKeys({ conversation: one, acts, field });
  useSeen(one);
  useLive({ conversation: useCallback((stirred: string) => void (stirred === id && freshen(id)), [id]) });
  // Where only one pane is visible, the pressed row is gone, so the focus moves to the conversation.
  useEffect(() => {
    if (globalThis.matchMedia("(max-width: 61.99em)").matches)
      heading.current?.focus({ preventScroll: true });
  }, []);
  const asker = useRef<Element>(null);
  const why = useCallback(
    (turn: string | undefined) => {
      if (turn) asker.current = document.activeElement;
      void navigate({
        to: "/inbox/$id",
        params: { id },
        search: (old) => ({ ...old, trace: turn }),
        resetScroll: false,
      });
    },
    [navigate, id],
  );
  const quote = useCallback((message: Message) => {
    setQuoting(message);
    field.current?.focus();
  }, []);
  const writable = window.kind === "open" || window.kind === "free";
  const { file, attach, remove } = useAttachment(id);
  const attachAndWrite = (files: File[]) => {
    attach(files);
    field.current?.focus();
  };
  const drop = useDroppedFiles(writable ? attachAndWrite : undefined);
  const contact = (
    <Contact
      one={one}
      name={name}
      window={window}
      activities={activities}
      messages={thread.messages}
      isPart={thread.query.hasNextPage}
      why={(turn) => {
        hide();
        why(turn);
      }}
    />
  );
  return (
    <>
      <section className={list.thread} aria-label={t("thread")} {...drop.props}>
        <Head
          one={one}
          name={name}
          window={window}
          acts={acts}
          heading={heading}
          about={isWide ? undefined : open}
        />
        <Case one={one} />
        {thread.query.data ? (
          <Messages
            id={id}
            customer={name}
            thread={thread}
            activities={activities}
            pending={pending}
            writable={writable}
            quote={quote}
            why={why}
          />
        ) : (
          <div style={{ flex: 1, padding: 16 }}>
            {thread.query.error ? (
              <Failed error={thread.query.error} again={() => void thread.query.refetch()} />
            ) : (
              <Loading rows={5} />
            )}
          </div>
        )}
        <Composer
          conversation={one}
          name={name}
          window={window}
          field={field}
          quoting={quoting}
          unquote={() => setQuoting(undefined)}
          attachment={{ file, attach: attachAndWrite, remove }}
        />
        {drop.over && <DropHint />}
      </section>
      <SidePane isWide={isWide} opened={isOpen} close={hide}>
        {contact}
      </SidePane>
      <WhyDrawer
        turn={trace}
        asker={asker}
        agent={one.agent}
        messages={thread.messages}
        close={() => why(undefined)}
      />
    </>
  );
}

export function ThreadPage() {
  const { t } = useTranslation("inbox");
  const { id = "" } = useParams({ strict: false });
  const query = useConversation(id);
  const navigate = useNavigate();
  // The server answers with the conversation into which this one was merged.
  const current = query.data?.id;
  useEffect(() => {
    if (current && current !== id)
      void navigate({ to: "/inbox/$id", params: { id: current }, search: (old) => old, replace: true });
  }, [current, id, navigate]);
  if (query.data) return <ThreadView key={id} conversation={query.data} id={id} />;
  return (
    <section className={list.thread} aria-label={t("thread")}>
      {query.error ? (
        <LoadError error={query.error} again={() => void query.refetch()} />
      ) : (
        <Stack p="md">
          <Loading rows={6} />
        </Stack>
      )}
    </section>
  );
}
