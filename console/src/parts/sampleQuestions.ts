// Questions that an agent answers, to begin with.
import { $api } from "@/api/client";

/** `isDemo`: it is the demo's agent, whose questions each page has in the console's language; else `own`. */
export function useSampleQuestions(agent: string): { isDemo: boolean; own: string[] } {
  const collections = $api.useQuery("get", "/api/v1/collections", {});
  const mine = collections.data?.filter(({ agents }) => agents.includes(agent)) ?? [];
  const isDemo = mine.some(({ origin }) => origin === "demo");
  const isLearning = mine.some(({ learning }) => learning > 0);
  const ready = mine.reduce((all, one) => all + one.ready, 0);
  const questions = $api.useQuery(
    "get",
    "/api/v1/agents/{agent}/questions",
    // The server ignores the last part: it makes the cache ask again once other documents are there.
    { params: { path: { agent } }, changed: `${ready}` },
    // Finding them asks the bot some questions.
    {
      enabled: ready > 0 && !isDemo && !isLearning,
      staleTime: 300_000,
      retry: false,
      refetchOnWindowFocus: false,
    },
  );
  return { isDemo, own: questions.data?.map(({ text }) => text) ?? [] };
}
