// What writes the answers, and how that was chosen, as a text of the start page.
import type { Schemas } from "@/api/client";

type Model = Schemas["AnsweringModel"];

/** Returns the text's key under `on` and its values. */
export function aboutModel({ origin, name, url, asked, is_model }: Model) {
  const values = { name, url: url ?? "", asked: asked.join(", ") };
  const keys = {
    configured: is_model ? "modelOn" : "modelOff",
    console: is_model ? "modelConsole" : "modelBroken",
    environment: "modelEnvironment",
    machine: "modelMachine",
    not_found: asked.length > 0 ? "modelNotFound" : "modelOff",
    gone: "modelGone",
  } as const satisfies Record<Model["origin"], string>;
  return { key: `on.${keys[origin]}` as const, values };
}

/** Whether a model may be found while the page is open. */
export function isLooking({ origin }: Model) {
  return origin === "not_found" || origin === "gone";
}
