// WhatsApp's 24-hour window: whether the customer can be written to, and for how long.
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "./filter";

/** `free`: the provider has no such limit. `never`: the customer has never written. */
export type Window = { kind: "free" | "never" | "closed" | "optedOut" } | { kind: "open"; left: number };

type WindowFields = Pick<Conversation, "has_window" | "opted_out" | "last_inbound_at" | "window_ends_at">;

export function windowOf(one: WindowFields, now: number): Window {
  if (one.opted_out) return { kind: "optedOut" };
  if (one.window_ends_at == null)
    return { kind: one.has_window && one.last_inbound_at == null ? "never" : "free" };
  const left = one.window_ends_at - now;
  return left > 0 ? { kind: "open", left } : { kind: "closed" };
}

/** The current window, updated while it runs out. */
export function useWindow(one: Conversation | undefined): Window | undefined {
  const [now, setNow] = useState(Date.now);
  const ends = one?.window_ends_at;
  useEffect(() => {
    setNow(Date.now());
    if (ends == null) return;
    const left = ends - Date.now();
    if (left <= 0) return;
    const timer = setInterval(() => setNow(Date.now()), left < 120_000 ? 1_000 : 15_000);
    return () => clearInterval(timer);
  }, [ends]);
  return useMemo(() => one && windowOf(one, now), [one, now]);
}

/** Formats as 5 h 12 min; in the last minute as seconds. */
export function useLeft() {
  const { i18n } = useTranslation();
  const say = (value: number, unit: string) =>
    new Intl.NumberFormat(i18n.language, { style: "unit", unit, unitDisplay: "short" }).format(value);
  return (ms: number): string => {
    if (ms < 60_000) return say(Math.max(1, Math.floor(ms / 1_000)), "second");
    const minutes = Math.floor(ms / 60_000);
    const hours = Math.floor(minutes / 60);
    const rest = say(minutes % 60, "minute");
    if (hours === 0) return rest;
    return minutes % 60 ? `${say(hours, "hour")} ${rest}` : say(hours, "hour");
  };
}
