// What a conversation in the sandbox is made of.
import type { Schemas } from "@/api/client";

export type Outcome = Schemas["SandboxOutcome"];
/** Who answers: its label, its prompt file (without one, the live version), and a model in place of the file's. */
export type Side = { name: string; source?: string; model?: string };
export type Voice = { file: File; url: string };
export type Reply = {
  side: Side;
  state: "writing" | "done" | "failed" | "stopped";
  /** The text received so far. */
  text: string;
  outcome?: Outcome;
  error?: unknown;
  saved?: Schemas["SavedCase"];
};
/** `resolved`: a person resolved the conversation after it. */
export type Turn = { id: string; text: string; voice?: Voice; replies: Reply[]; resolved?: boolean };
