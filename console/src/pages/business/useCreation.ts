// Creates the agent of a business, and leaves the demo if that is wanted.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { reread } from "@/api/queries";
import { useSay } from "@/parts/say";
import { slugOf } from "../sandbox/slug";
import { type Draft, reviewed, unused } from "./draft";

type Step = "creating" | "leaving";
type CreationRequest = {
  draft: Draft;
  /** The prompt file, before the draft's values are put into it. */
  prompt: string;
  collection: string;
  leavesDemo: boolean;
};

/** The API has the route `/agents/generate`. */
const reserved = "generate";

export function useCreation(whenCreated: (agent: string) => void) {
  const { t } = useTranslation("business");
  const say = useSay();
  const [step, setStep] = useState<Step>();
  const [error, setError] = useState<unknown>();
  const leave = async () => {
    setStep("leaving");
    const { data } = await api.DELETE("/api/v1/demo");
    const kept = [...(data?.kept_agents ?? []), ...(data?.kept ?? [])];
    if (kept.length > 0) say.done(t("kept", { names: kept.join(", ") }));
  };
  const create = async (wanted: CreationRequest) => {
    const { draft, prompt, collection, leavesDemo } = wanted;
    setError(undefined);
    setStep("creating");
    try {
      const source = reviewed(prompt, draft, collection, t("hoursHeading"));
      const { data: agents } = await api.GET("/api/v1/agents");
      const taken = agents?.map((one) => one.slug) ?? [];
      const slug = unused(slugOf(draft.name) || collection, [...taken, reserved]);
      await api.POST("/api/v1/agents", { body: { slug, source } });
      // The agent is there: that the demo stays is told, and does not undo it.
      if (leavesDemo) await leave().catch(say.failed);
      reread("/api/v1/agents", "/api/v1/collections", "/api/v1/status");
      say.done(t("created", { name: draft.name.trim() }));
      whenCreated(slug);
    } catch (error) {
      setError(error);
    } finally {
      setStep(undefined);
    }
  };
  return { create, step, error };
}
