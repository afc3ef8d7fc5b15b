// Pairs a number with its phone: begins, then asks every few seconds how it goes, while the reader looks at it.
import { useDocumentVisibility } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { $api, api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { isPairing } from "./link";

type NumberPairing = Schemas["NumberPairing"];

const PAUSE_MS = 3_000;

/** How the pairing goes, and what begins it. */
export type PairingControl = {
  progress?: NumberPairing;
  /** Why pairing did not begin. */
  refusal: unknown;
  /** Why the last question how it goes got no answer; it is asked again. */
  trouble: unknown;
  isBusy: boolean;
  /** Begins from the start; with a phone, it goes on and asks for a code, too. */
  begin: (phone?: string) => void;
};

/** `isShown`: whether the reader sees it. */
export function usePairing(id: string, isShown: boolean, onLinked: () => void): PairingControl {
  const params = { path: { id } };
  const [progress, setProgress] = useState<NumberPairing>();
  const [trouble, setTrouble] = useState<unknown>();
  const isVisible = useDocumentVisibility() === "visible";
  const connecting = $api.useMutation("post", "/api/v1/numbers/{id}/connect");
  const isBusy = connecting.isPending;
  const take = (next: NumberPairing) => {
    setProgress(next);
    setTrouble(undefined);
    if (next.state !== progress?.state) reread("/api/v1/numbers", "/api/v1/numbers/{id}");
    if (next.state === "ready") onLinked();
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer and each failure begins the next pause.
  useEffect(() => {
    if (!isShown || !isVisible || isBusy || !progress || !isPairing(progress)) return;
    let isLate = false;
    const timer = setTimeout(async () => {
      try {
        const { data } = await api.POST("/api/v1/numbers/{id}/pairing", { params });
        if (data && !isLate) take(data);
      } catch (failure) {
        if (!isLate) setTrouble(failure);
      }
    }, PAUSE_MS);
    return () => {
      isLate = true;
      clearTimeout(timer);
    };
  }, [isShown, isVisible, isBusy, progress, trouble]);

  const begin = (phone?: string) => {
    setTrouble(undefined);
    if (!phone) setProgress(undefined);
    connecting.mutate({ params, body: { phone } }, { onSuccess: take });
  };
  return { progress, refusal: connecting.error, trouble, isBusy, begin };
}
