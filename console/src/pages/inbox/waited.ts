// How long a customer waits, in the largest unit that fits: 5 min, 3 h, 2 days.
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { locale } from "@/i18n/format";

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** The current time, every half minute. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function waitedIn(language: string) {
  const formats = units.map(([unit, size]) => ({
    size,
    format: new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }),
  }));
  /** Empty within the first minute. */
  return (since: number, now: number): string => {
    const waits = now - since;
    const found = formats.find(({ size }) => waits >= size);
    return found ? found.format.format(Math.floor(waits / found.size)) : "";
  };
}

/** Returns a function that words a wait. Its formats are made once, because every row uses it. */
export function useWaited() {
  const { i18n } = useTranslation();
  return useMemo(() => waitedIn(locale(i18n.language)), [i18n.language]);
}
