// Follows the conversations that wait for a person, on every page: the number in the window's title, and a
// notification and a sound when a customer writes in one.
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Schemas } from "@/api/client";
import { customerName } from "@/parts/customer";
import { setWaiting } from "@/parts/title";
import { plain } from "@/parts/whatsapp";
import { arrivals, known, once, permission, ring, show, useChoice, type WaitingSnapshot } from "./notify";

/** Newest waiting conversations that are compared. */
const COMPARED = 30;

const query = { state: "waiting", limit: COMPARED } as const;

type Conversation = Schemas["Conversation"];

const isOpen = (id: string) => location.pathname === `/inbox/${encodeURIComponent(id)}`;

export function useWaiting() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { notifications, sound } = useChoice();
  const { data, dataUpdatedAt } = $api.useQuery("get", "/api/v1/conversations/counts");
  const seen = useRef<WaitingSnapshot>(undefined);
  const reading = useRef({ running: false, again: false });
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
      const body = plain(one.waiting_text ?? "") || t("notify.waits");
      const open = () => void navigate({ to: "/inbox/$id", params: { id: one.id } });
      show(customerName(one, t("notify.nameless")), { body, tag: one.id }, open);
    });
  };

  useEffect(() => {
    if (!dataUpdatedAt) return;
    // Without waiting conversations there is nothing to read: the next one is new.
    if (!waiting) {
      seen.current = known([], seen.current);
      return;
    }
    // One at a time: what changes meanwhile is read after it.
    if (reading.current.running) {
      reading.current.again = true;
      return;
    }
    const read = async (): Promise<void> => {
      reading.current = { running: true, again: false };
      // If it fails, the next change asks again.
      const answer = await api.GET("/api/v1/conversations", { params: { query } }).catch(() => undefined);
      if (answer?.data) {
        const { items } = answer.data;
        // What waited before the page was opened is in the list, and no news.
        for (const one of seen.current ? arrivals(seen.current, items) : []) tell.current(one);
        seen.current = known(items, seen.current);
      }
      reading.current.running = false;
      if (reading.current.again) await read();
    };
    void read();
  }, [waiting, dataUpdatedAt]);
}
