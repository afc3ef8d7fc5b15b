// The choice of who answers: the draft or a version, either with another model.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
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

/** The prompt file of a choice, before its model; undefined when the version does not exist. */
export function sourceOf(choice: Choice, draft: string, versions: Version[]): string | undefined {
  if (choice.version === "draft") return draft;
  return versions.find(({ version }) => version === choice.version)?.source;
}

/** The prompt file that a side answers with. What writes another model into it is loaded only for that. */
export async function fileOf({ source, model }: Side): Promise<string | undefined> {
  if (source === undefined || !model) return source;
  const { withHeader } = await import("@/parts/promptFile");
  return withHeader(source, ["model"], model);
}

/** The sides that a message is sent to, with their labels. */
export function useSides(choices: Choice[], draft: string, versions: Version[]): Side[] {
  const { t } = useTranslation("sandbox");
  return useMemo(
    () =>
      choices.map((choice) => {
        const name =
          choice.version === "draft" ? t("side.draft") : t("side.version", { version: choice.version });
        const model = choice.model.trim() || undefined;
        return {
          name: model ? `${name} · ${model}` : name,
          source: sourceOf(choice, draft, versions),
          model,
        };
      }),
    [choices, draft, versions, t],
  );
}
