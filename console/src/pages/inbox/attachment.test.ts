import { expect, test } from "vitest";
import { pastedFile, takesCaption } from "./attachment";

test("a picture is pasted as a file, and a text with a picture of it as a text", () => {
  const picture = new File(["x"], "image.png", { type: "image/png" });
  const pasted = (text: string, ...all: File[]) => {
    const files: FileList = Object.assign(Object.create(FileList.prototype), all);
    return pastedFile({ files, getData: (type) => (type === "text/plain" ? text : "") });
  };
  expect(pasted("", picture)).toBe(picture);
  expect(pasted("image.png", picture), "copied from a folder").toBe(picture);
  expect(pasted("Price\t20", picture), "copied from a table").toBeUndefined();
  expect(pasted("hello")).toBeUndefined();
});

test("sound takes no caption, also where the browser does not know its type", () => {
  expect(takesCaption({ name: "offer.pdf", type: "application/pdf" })).toBe(true);
  expect(takesCaption({ name: "photo.png", type: "image/png" })).toBe(true);
  expect(takesCaption({ name: "note", type: "audio/ogg" })).toBe(false);
  expect(takesCaption({ name: "Note.AMR", type: "" })).toBe(false);
});
