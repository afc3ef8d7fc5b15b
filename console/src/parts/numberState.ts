// What a number's state means to other pages.
import type { Schemas } from "@/api/client";

/** Whether a number sends. One at risk still does. */
export const sends = ({ state }: Pick<Schemas["Number"], "state">) =>
  state === "ready" || state === "at_risk";
