// How a number stands to its phone, told apart by what it means, and what the phone needs to be linked.
import type { Schemas } from "@/api/client";
import type { Level } from "./findings";

type Connection = Pick<Schemas["NumberConnection"], "state" | "reason">;

/** Whether it is linked, or its provider links no phones. */
export const isLinked = ({ connection }: Pick<Schemas["Number"], "connection">) =>
  !connection || connection.state === "ready";

/** Whether the phone is waited for. */
export const isPairing = ({ state }: Connection) => state === "connecting" || state === "pairing";

/** How bad it is; nothing for a number that is linked. */
export function linkLevel({ state, reason }: Connection): Level | undefined {
  if (state === "ready") return undefined;
  if (!state) return "info";
  // A number that was never linked has lost nothing.
  if (isPairing({ state }) || reason === "not_paired") return "warning";
  return "error";
}

/** A pairing code in two halves, as the phone asks for it. */
export const codeHalves = (code: string) =>
  /^[\dA-Za-z]{8}$/.test(code) ? `${code.slice(0, 4)}-${code.slice(4)}` : code;

/** The address of a picture. As an image, it can neither run scripts nor load anything. */
export const pictureAddress = (svg: string) => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
