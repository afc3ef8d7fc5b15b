// The message templates of a number's account: as they are stored, and read again from WhatsApp.
import { useCallback, useEffect, useRef } from "react";
import { $api } from "@/api/client";
import { queries } from "@/api/queries";

const stored = "/api/v1/numbers/{id}/templates";
const params = (id: string) => ({ params: { path: { id } } });

/** Older ones are read again by themselves, in milliseconds. */
const OLD = 3_600_000;

export function useTemplates(number: string) {
  const query = $api.useQuery("get", stored, params(number));
  const reading = $api.useMutation("post", "/api/v1/numbers/{id}/templates/sync", {
    onSuccess: (read) =>
      queries.setQueryData($api.queryOptions("get", stored, params(number)).queryKey, read),
  });
  const { mutate } = reading;
  const read = useCallback(() => mutate(params(number)), [mutate, number]);
  return { query, reading, read };
}

/** The same, read again once where they are old. */
export function useFreshTemplates(number: string) {
  const templates = useTemplates(number);
  const { query, reading, read } = templates;
  const tried = useRef(false);
  const at = query.data?.synced_at;
  const isOld = query.data !== undefined && (at == null || Date.now() - at > OLD);
  useEffect(() => {
    if (!isOld || tried.current) return;
    tried.current = true;
    read();
  }, [isOld, read]);
  // Nothing is known of them before the first reading has ended.
  return { ...templates, isUnread: at == null && (reading.isIdle || reading.isPending) };
}
