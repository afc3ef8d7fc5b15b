// Takes a conversation over and hands it back: by buttons, keys and the finder.
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type RefObject, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { reread } from "@/api/queries";
import { wordsOf } from "@/api/words";
import { useSay } from "@/parts/say";
import { useOffers } from "@/shell/Finder";
import { useKeys } from "@/shell/Keys";
import { show } from "./conversations";
import type { Conversation } from "./filter";
import { freshen } from "./thread";

const routes = {
  take: "/api/v1/conversations/{id}/take",
  handBack: "/api/v1/conversations/{id}/hand-back",
  resolve: "/api/v1/conversations/{id}/resolve",
} as const;

export type ThreadAction = keyof typeof routes;

/** The actions that a conversation's state allows. Resolving closes its case and also hands it back to the bot. */
export function actsOf(one: Pick<Conversation, "owner" | "staff" | "open_case">): ThreadAction[] {
  const acts: ThreadAction[] = [];
  if (one.owner !== "person" && !one.staff) acts.push("take");
  if (one.open_case) acts.push("resolve");
  else if (one.owner === "person") acts.push("handBack");
  return acts;
}

/**
 * Whether an action waits for a pending one. A pending action that is no longer allowed has changed the conversation
 * already, so what it made possible can be pressed and take the keyboard's focus at once.
 */
export function isBlocked(
  act: ThreadAction,
  allowed: readonly ThreadAction[],
  pending?: ThreadAction,
): boolean {
  return pending !== undefined && pending !== act && allowed.includes(pending);
}

export function useActs(id: string) {
  const say = useSay();
  return useMutation({
    mutationFn: async (act: ThreadAction) => (await api.POST(routes[act], { params: { path: { id } } })).data,
    onSuccess: (data) => {
      if (data) show(data);
      void freshen(id);
      reread("/api/v1/conversations/counts", "/api/v1/escalations", "/api/v1/audit");
    },
    onError: say.failed,
  });
}

type ThreadKeysOptions = {
  conversation: Conversation | undefined;
  acts: ReturnType<typeof useActs>;
  field: RefObject<HTMLTextAreaElement | null>;
};

/** Keys and finder entries of the open conversation. */
export function useThreadKeys({ conversation, acts, field }: ThreadKeysOptions) {
  const { t } = useTranslation("inbox");
  const navigate = useNavigate();
  const now = useRef({ conversation, acts });
  now.current = { conversation, acts };
  const can = conversation ? actsOf(conversation).join() : "";
  const made = useMemo(() => {
    const run = (...wanted: ThreadAction[]) => {
      const { conversation, acts } = now.current;
      if (!conversation || acts.isPending) return;
      const act = actsOf(conversation).find((one) => wanted.includes(one));
      if (act) acts.mutate(act);
    };
    const reply = (event?: { preventDefault: () => void }) => {
      event?.preventDefault();
      field.current?.focus();
    };
    const back = () => void navigate({ to: "/inbox", search: (old) => ({ ...old, trace: undefined }) });
    return { run, reply, back };
  }, [navigate, field]);
  useKeys(
    useMemo(
      () => [
        { key: "r", about: t("keys.reply"), act: made.reply },
        { key: "t", about: t("keys.take"), act: () => made.run("take") },
        { key: "e", about: t("keys.resolve"), act: () => made.run("resolve", "handBack") },
        { key: "u", about: t("keys.back"), act: made.back },
      ],
      [t, made],
    ),
  );
  useOffers(
    useMemo(
      () => [
        { id: "inbox-reply", label: t("keys.reply"), onClick: () => setTimeout(made.reply, 250) },
        ...wordsOf(routes)
          .filter((act) => can.split(",").includes(act))
          .map((act) => ({ id: `inbox-${act}`, label: t(`act.${act}`), onClick: () => made.run(act) })),
        { id: "inbox-back", label: t("keys.back"), onClick: made.back },
      ],
      [t, made, can],
    ),
  );
}
