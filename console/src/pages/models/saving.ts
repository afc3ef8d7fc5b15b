// Saves a chosen model, and says from when on it is used.
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { useSay } from "@/parts/say";
import { ofModel, type Scope, startOf } from "./draft";

/** The part of a request that names what a model is chosen for. */
export const paramsOf = ({ role, agent }: Scope) => ({ path: { role }, query: { agent } });

type Ends = { onDone?: () => void; onError?: (error: unknown) => void };

export function useSaving(scope: Scope, { onDone, onError }: Ends) {
  const { t } = useTranslation("models");
  const say = useSay();
  return $api.useMutation("put", "/api/v1/settings/models/{role}", {
    onSuccess: (settings) => {
      reread(...ofModel);
      const start = startOf(scope, settings);
      if (start) say.done(t(`saved.${start}`));
      onDone?.();
    },
    onError,
  });
}
