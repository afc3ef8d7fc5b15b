// Follows the conversations that wait for a person, on every page: the number in the window's title, and a
// notification and a sound when a customer writes in one.
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Schemas } from "@/api/client";
import { customerName } from "@/parts/customer";
import { setWaiting } from "@/parts/title";
import { plain } from "@/parts/whatsapp";
import { arrivals, once, permission, ring, timesOf, useChoice } from "./notify";

/** Newest waiting conversations that are compared. */
const COMPARED = 30;

type Conversation = Schemas["Conversation"];

const isOpen = (id: string) => location.pathname === `/inbox/${encodeURIComponent(id)}`;

export function useWaiting() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { notifications, sound } = useChoice();
  const { data, dataUpdatedAt } = $api.useQuery("get", "/api/v1/conversations/counts");
  const known = useRef<Map<string, number>>(undefined);
  const waiting = data?.waiting;

  useEffect(() => {
    if (waiting === undefined) return;
    setWaiting(waiting);
    return () => setWaiting(0);
  }, [waiting]);

  const tell = useRef((_: Conversation) => {});
  tell.current = (one) => {
    const isLookedAt = document.hasFocus();
    void once(`${one.id}.${one.last_inbound_at}`, isLookedAt, () => {
      if (isLookedAt && isOpen(one.id)) return;
      if (sound) ring();
      if (isLookedAt || !notifications || permission() !== "granted") return;
      const shown = new Notification(customerName(one, t("notify.nameless")), {
        body: plain(one.waiting_text ?? "") || t("notify.waits"),
        tag: one.id,
      });
      shown.onclick = () => {
        window.focus();
        shown.close();
        void navigate({ to: "/inbox/$id", params: { id: one.id } });
      };
    });
  };

  useEffect(() => {
    if (!dataUpdatedAt) return;
    // Without waiting conversations there is nothing to read: the next one is new.
    if (!waiting) {
      known.current = new Map();
      return;
    }
    const abort = new AbortController();
    const query = { state: "waiting" as const, limit: COMPARED };
    api.GET("/api/v1/conversations", { params: { query }, signal: abort.signal }).then(
      ({ data }) => {
        if (!data || abort.signal.aborted) return;
        // What waited before the page was opened is in the list, and no news.
        for (const one of known.current ? arrivals(known.current, data.items) : []) tell.current(one);
        known.current = timesOf(data.items);
      },
      // The next change asks again.
      () => {},
    );
    return () => abort.abort();
  }, [waiting, dataUpdatedAt]);
}
