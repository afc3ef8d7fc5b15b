import { expect, test } from "vitest";
import { readNote } from "./note";

const fault = (code: number, title: string) => ({ note: title, errors: [{ code, title, details: null }] });

test("a note is read by its code, else by the code of the provider's error", () => {
  expect(readNote({ note: "the customer opted out", note_code: "opted_out" })).toEqual({ code: "opted_out" });
  expect(readNote(fault(131_026, "Message undeliverable"))).toEqual({
    refusal: "undeliverable",
    words: "Message undeliverable",
  });
  expect(readNote(fault(131_047, "Re-engagement message"))).toEqual({ code: "window_closed" });
  expect(readNote(fault(999_999, "Something new"))).toEqual({ words: "Something new" });
  expect(readNote(fault(0, "not sent: no route to host"))).toEqual({ words: "not sent: no route to host" });
  expect(readNote({ note: null, errors: null })).toBeUndefined();
});
