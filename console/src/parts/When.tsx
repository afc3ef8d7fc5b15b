// A time in the reader's language and time zone; the full date on hover and for screen readers.
import { useEffect, useState } from "react";
import { useFormat } from "@/i18n/format";

/** Re-renders every half minute. */
function useTick(on: boolean) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => tick((count) => count + 1), 30_000);
    return () => clearInterval(timer);
  }, [on]);
}

/** `ago`: shows the time elapsed; otherwise the clock or the day. */
export function When({ at, ago = false }: { at: number; ago?: boolean }) {
  const format = useFormat();
  useTick(ago);
  return (
    <time dateTime={new Date(at).toISOString()} title={format.full(at)}>
      {ago ? format.ago(at) : format.brief(at)}
    </time>
  );
}
