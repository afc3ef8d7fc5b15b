// One question to the bot, and its answer as it streams in.
import { useCallback, useEffect, useRef, useState } from "react";
import type { Schemas } from "@/api/client";
import { answering } from "@/api/stream";

export type Answer = {
  asked: string;
  /** The text received so far. */
  text: string;
  outcome?: Schemas["SandboxOutcome"];
  error?: unknown;
  /** Whether the stream broke off. */
  cut?: boolean;
};

export function useAnswer(whenDone: () => void) {
  const [answer, setAnswer] = useState<Answer>();
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController>(undefined);
  const stop = useCallback(() => running.current?.abort(), []);
  useEffect(() => stop, [stop]);
  const ask = async (agent: string, text: string) => {
    stop();
    const control = new AbortController();
    running.current = control;
    const still = () => running.current === control;
    setBusy(true);
    setAnswer({ asked: text, text: "" });
    try {
      let done = false;
      for await (const told of answering({ agent, text }, control.signal)) {
        if (!still()) return;
        if (typeof told === "string") setAnswer((now) => now && { ...now, text: now.text + told });
        else {
          done = true;
          setAnswer((now) => now && { ...now, outcome: told });
          whenDone();
        }
      }
      if (!done) setAnswer((now) => now && { ...now, cut: true });
    } catch (error) {
      if (!control.signal.aborted) setAnswer((now) => now && { ...now, error });
    } finally {
      if (still()) setBusy(false);
    }
  };
  return { answer, busy, ask, stop };
}
