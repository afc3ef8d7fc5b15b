// The choice of who answers: the draft or a version, either with another model.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { headerValue, withHeader } from "@/parts/promptFile";
import type { Side } from "./turn";

/** `version`: the draft or a version's number; `model`: replaces the file's model unless empty. */
export type Choice = { version: "draft" | number; model: string };
export type Version = Schemas["Version"];

export const drafted: Choice = { version: "draft", model: "" };

/** The newest versions of an agent, up to 200. */
export function useVersions(agent: string) {
  return $api.useQuery("get", "/api/v1/agents/{agent}/versions", {
    params: { path: { agent }, query: { limit: 200 } },
  });
}

/** The prompt file of a choice; undefined when the version does not exist. */
export function sourceOf(choice: Choice, draft: string, versions: Version[]): string | undefined {
  const source =
    choice.version === "draft" ? draft : versions.find(({ version }) => version === choice.version)?.source;
  if (source === undefined || !choice.model.trim()) return source;
  return withHeader(source, ["model"], choice.model.trim());
}

/** The model in the file's header; empty when it names none. */
export function modelOf(source: string): string {
  const model = headerValue(source, ["model"]);
  return typeof model === "string" ? model : "";
}

/** The sides that a message is sent to, with their labels. */
export function useSides(choices: Choice[], draft: string, versions: Version[]): Side[] {
  const { t } = useTranslation("sandbox");
  return useMemo(
    () =>
      choices.map((choice) => {
        const name =
          choice.version === "draft" ? t("side.draft") : t("side.version", { version: choice.version });
        return {
          name: choice.model.trim() ? `${name} · ${choice.model.trim()}` : name,
          source: sourceOf(choice, draft, versions),
        };
      }),
    [choices, draft, versions, t],
  );
}
