// The knowledge gap in which a turn's question counts. The API leads from a gap to its newest questions only, so
// the way back compares their conversation and time.
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "@/api/client";

type Gap = Pick<Schemas["KnowledgeGap"], "id" | "first_at" | "last_at">;
type TurnOrigin = Pick<Schemas["Turn"], "conversation_id" | "created_at">;
type Question = Pick<Schemas["UnansweredQuestion"], "asked_at" | "conversation_id">;

/** A turn and its unanswered question are stored within this time, in milliseconds. */
const TOGETHER = 2_000;
/** The newest gaps that are looked through, and those of them that are read in full. */
const LISTED = 200;
const READ = 8;

const isNear = (one: number, other: number) => Math.abs(one - other) <= TOGETHER;

/** The gaps that may have been asked about then. */
export const candidates = <G extends Gap>(gaps: readonly G[], at: number): G[] =>
  gaps
    .filter(({ first_at, last_at }) => first_at <= at + TOGETHER && last_at >= at - TOGETHER)
    .slice(0, READ);

/** Whether a turn's question is among a gap's. */
export const isAmong = (turn: TurnOrigin, questions: readonly Question[]): boolean =>
  questions.some(
    ({ asked_at, conversation_id }) =>
      conversation_id === turn.conversation_id && isNear(asked_at, turn.created_at),
  );

async function find(turn: TurnOrigin, signal: AbortSignal): Promise<Schemas["KnowledgeGap"] | null> {
  const listed = await api.GET("/api/v1/gaps", { params: { query: { limit: LISTED } }, signal });
  for (const { id } of candidates(listed.data?.items ?? [], turn.created_at)) {
    const { data } = await api.GET("/api/v1/gaps/{id}", { params: { path: { id } }, signal });
    if (data && isAmong(turn, data.examples)) return data.gap;
  }
  return null;
}

/** What may open a gap. */
const unanswered: Partial<Record<Schemas["TurnOutcome"], true>> = { no_answer: true, hand_over: true };

/** The gap of a turn; its data is `null` if none is found. */
export function useGapOf(turn: Schemas["Turn"]) {
  return useQuery({
    queryKey: ["get", "/api/v1/gaps", "of", turn.id],
    queryFn: ({ signal }) => find(turn, signal),
    enabled: !!turn.outcome && !!unanswered[turn.outcome],
  });
}
