// The steps of connecting a number, and what is still missing for it to answer customers.
import type { Schemas } from "@/api/client";
import { isLinked } from "./link";
import { linksPhones, type Provider, parted, proposalOf, shakesHands } from "./provider";
import { reach } from "./reach";

type Number = Schemas["Number"];

/** In order. The first two come before the number exists. */
const steps = ["need", "fields", "callback", "test", "finish"] as const;
export type SetupStep = (typeof steps)[number];

/** The step that an address names, if it is one. */
export const stepOf = (name: unknown): SetupStep | undefined => steps.find((step) => step === name);

/** A provider's steps: one that asks for nothing beforehand has no first step. */
export const stepsOf = (provider: Provider): SetupStep[] =>
  steps.filter((step) => step !== "need" || parted(provider).before.length > 0);

/** The name of a step in the texts: where a phone is linked, no callback is set up by hand. */
export const stepName = (step: SetupStep, provider: Pick<Provider, "steps">) =>
  step === "callback" && linksPhones(provider) ? "link" : step;

/** Whether its provider has ever called. Messages can arrive only after that. */
export function isConnected(
  number: Pick<Number, "from" | "verified_at" | "last_webhook_at">,
  provider?: Provider,
) {
  // Numbers from the config file count as connected.
  if (number.from === "file" || (provider && !proposalOf(provider))) return true;
  return !!number.verified_at || !!number.last_webhook_at;
}

export type Check = {
  what: "address" | "linked" | "called" | "callback" | "received" | "sent" | "name";
  done: boolean;
  /** When it was done, if that is known. */
  at?: number | null;
  /** Where it is done; nothing for what is not done here. */
  step?: SetupStep;
};

/**
 * What a number needs to answer customers, in order; last what it can do without. `tested`: whether a test message went
 * out, which the server does not count.
 */
export function checksOf(number: Number, provider: Provider, tested = false): Check[] {
  const connected = isConnected(number, provider);
  const practice = provider.practice;
  const all: (Check | false)[] = [
    // A provider that has called can reach the desk, whatever its address looks like from here.
    shakesHands(provider) &&
      !connected && { what: "address", done: reach(number.webhook_url) === "public", step: "callback" },
    !!number.connection && {
      what: "linked",
      done: isLinked(number),
      at: number.connection.since,
      step: "callback",
    },
    !!proposalOf(provider) && {
      what: number.connection ? "called" : "callback",
      done: connected,
      at: number.verified_at ?? number.last_webhook_at,
      step: "callback",
    },
    !practice && {
      what: "sent",
      done: tested || !!number.last_sent_at,
      at: number.last_sent_at,
      step: "test",
    },
    { what: "received", done: !!number.last_inbound_at, at: number.last_inbound_at, step: "test" },
    // The name of a linked phone is its owner's, whom nobody has to approve.
    !practice && !number.connection && { what: "name", done: !!number.verified_name },
  ];
  return all.filter((check) => check !== false);
}

/** The first step with something left to do; nothing for a number that is set up. */
export function openStep(number: Number, provider: Provider, tested = false): SetupStep | undefined {
  // What is in the configuration file is set up there.
  if (number.from === "file") return undefined;
  return checksOf(number, provider, tested).find(({ done, step }) => step && !done)?.step;
}
