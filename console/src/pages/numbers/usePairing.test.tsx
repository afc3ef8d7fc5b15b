// How the pairing goes is asked while the reader looks at it, and the phone is waited for.
import { QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, Failure, type Schemas } from "@/api/client";
import { queries } from "@/api/queries";
import { type PairingControl, usePairing } from "./usePairing";

const pairing = (state: Schemas["ConnectionState"], qr?: string): Schemas["NumberPairing"] => ({ state, qr });

/** The requests, such as `connect {"phone":"447700900123"}`. */
let asked: string[];
/** What the server answers next; a status refuses. */
let answers: (Schemas["NumberPairing"] | number)[];
let control: PairingControl | undefined;
let linked: number;
let root: Root;

function PairingProbe({ isShown }: { isShown: boolean }) {
  control = usePairing("num_1", isShown, () => {
    linked += 1;
  });
  return null;
}

const show = (isShown: boolean) =>
  act(async () =>
    root.render(
      <QueryClientProvider client={queries}>
        <PairingProbe isShown={isShown} />
      </QueryClientProvider>,
    ),
  );
const begin = (phone?: string) =>
  act(async () => {
    control?.begin(phone);
    await vi.advanceTimersByTimeAsync(10);
  });
const pause = () => act(() => vi.advanceTimersByTimeAsync(3_100));

function look(visibilityState: DocumentVisibilityState) {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(visibilityState);
  return act(async () => void document.dispatchEvent(new Event("visibilitychange")));
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.spyOn(api, "POST").mockImplementation(async (path: string, ...[init]: { body?: unknown }[]) => {
    asked.push(`${path.split("/").at(-1)} ${JSON.stringify(init?.body) ?? ""}`.trim());
    const data = answers.shift() ?? 500;
    if (typeof data === "number") throw new Failure(data, "The server refused it.");
    return JSON.parse(JSON.stringify({ data }));
  });
  [asked, answers, linked] = [[], [], 0];
  root = createRoot(document.createElement("div"));
  await show(true);
});

afterEach(async () => {
  await act(async () => root.unmount());
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a new code takes the old one's place until the phone is linked", async () => {
  answers = [
    pairing("connecting"),
    pairing("pairing", "<svg>1</svg>"),
    pairing("pairing", "<svg>2</svg>"),
    pairing("ready"),
  ];
  await begin();
  expect(control?.progress).toEqual(pairing("connecting"));
  await pause();
  expect(control?.progress?.qr).toBe("<svg>1</svg>");
  await pause();
  expect(control?.progress?.qr).toBe("<svg>2</svg>");
  expect(linked).toBe(0);
  await pause();
  expect(linked).toBe(1);
  await pause();
  expect(asked).toEqual(["connect {}", "pairing", "pairing", "pairing"]);
});

test("nothing is asked while the tab is hidden or the dialog is closed", async () => {
  answers = [pairing("pairing"), pairing("pairing", "<svg>1</svg>")];
  await begin();
  await look("hidden");
  await pause();
  expect(asked).toHaveLength(1);
  await look("visible");
  await pause();
  expect(control?.progress?.qr).toBe("<svg>1</svg>");
  await show(false);
  await pause();
  expect(asked).toHaveLength(2);
});

test("a question without an answer is asked again, and its trouble is over then", async () => {
  answers = [pairing("pairing"), 502, pairing("stopped")];
  await begin();
  await pause();
  expect(control?.trouble).toMatchObject({ message: "The server refused it." });
  expect(control?.progress?.state).toBe("pairing");
  await pause();
  expect(control?.trouble).toBeUndefined();
  expect(control?.progress?.state).toBe("stopped");
  await pause();
  expect(asked).toHaveLength(3);
});

test("a phone that is refused leaves the code that waits, and a refused start asks nothing more", async () => {
  answers = [pairing("pairing", "<svg>1</svg>"), 422];
  await begin();
  await begin("12");
  expect(asked).toEqual(["connect {}", 'connect {"phone":"12"}']);
  expect(control?.refusal).toMatchObject({ status: 422 });
  expect(control?.progress?.qr).toBe("<svg>1</svg>");
  answers = [502];
  await begin();
  expect(control?.progress).toBeUndefined();
  await pause();
  expect(asked).toHaveLength(3);
});
