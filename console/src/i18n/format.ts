// Formats numbers, times and money for the reader's language and the browser's time zone.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

const spans: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** Isolates left-to-right text inside right-to-left text, such as "US$" after an amount. */
const apart = (word: string) => `\u2066${word}\u2069`;

/** Formats for a language and its regional variant. */
export function formats(language: string) {
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const dated = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
  const long = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const whole = new Intl.NumberFormat(language);
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
  return {
    /** 14:05 */
    clock: (at: number) => clock.format(at),
    /** 14:05 today, else 3 Nov, else 3 Nov 2025 */
    brief(at: number) {
      const now = new Date();
      const then = new Date(at);
      if (then.toDateString() === now.toDateString()) return clock.format(at);
      return then.getFullYear() === now.getFullYear() ? day.format(at) : dated.format(at);
    },
    day: (at: number) => dated.format(at),
    full: (at: number) => long.format(at),
    /** 5 minutes ago, in 3 hours */
    ago(at: number, now = Date.now()) {
      const away = at - now;
      const [unit, size] = spans.find(([, size]) => Math.abs(away) >= size) ?? ["second" as const, 1_000];
      return ago.format(Math.trunc(away / size), unit);
    },
    count: (value: number) => whole.format(value),
    compact: (value: number) => short.format(value),
    share: (value: number) => share.format(value),
    number: (value: number, digits = 2) =>
      new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value),
    /** Takes millionths of a dollar. */
    money(micros: number) {
      const parts = new Intl.NumberFormat(language, {
        style: "currency",
        currency: "USD",
        maximumSignificantDigits: micros !== 0 && Math.abs(micros) < 1_000_000 ? 3 : undefined,
      }).formatToParts(micros / 1_000_000);
      return parts
        .map(({ type, value }) => (type === "currency" && language === "ar" ? apart(value) : value))
        .join("");
    },
    /** An amount in a shop's currency, as a currency code. */
    price(amount: number, currency: string) {
      try {
        return new Intl.NumberFormat(language, { style: "currency", currency }).format(amount);
      } catch {
        // Not a currency that is known.
        return [whole.format(amount), currency].filter(Boolean).join(" ");
      }
    },
    /** 340 ms, 2.4 s */
    took: (ms: number) =>
      ms < 1_000
        ? new Intl.NumberFormat(language, {
            style: "unit",
            unit: "millisecond",
            maximumFractionDigits: ms < 10 ? 1 : 0,
          }).format(ms)
        : new Intl.NumberFormat(language, { style: "unit", unit: "second", maximumFractionDigits: 1 }).format(
            ms / 1_000,
          ),
    /** 12 kB; a file of a few bytes is not written as empty. */
    size: (bytes: number) =>
      new Intl.NumberFormat(language, {
        style: "unit",
        unit: bytes < 1_000_000 ? "kilobyte" : "megabyte",
        maximumFractionDigits: 1,
      }).format(bytes < 1_000_000 ? Math.max(bytes, bytes && 100) / 1_000 : bytes / 1_000_000),
    list: (parts: string[]) => new Intl.ListFormat(language, { type: "conjunction" }).format(parts),
  };
}

/**
 * The browser's regional variant of the language, such as en-GB, if it names one: it decides how dates and
 * times are written.
 */
export function locale(language: string, named: readonly string[] = navigator.languages): string {
  return named.find((code) => code.split("-")[0] === language) ?? language;
}

/** Formats for the current language. */
export function useFormat() {
  const { i18n } = useTranslation();
  return useMemo(() => formats(locale(i18n.language)), [i18n.language]);
}
