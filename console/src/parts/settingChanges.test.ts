import { describe, expect, it } from "vitest";
import { promptDiffers, settingChanges } from "./settingChanges";

const file = (header: string, body = "You are a clerk.\n") => `---\n${header}\n---\n${body}`;

describe("what differs between two prompt files", () => {
  it("is told setting by setting", () => {
    const before = file(
      "name: Shop\nknowledge: [shop]\ntemperature: 0.2\nhandoff:\n  keywords: [human, refund]\n  reply: Wait.\ngrounding: hold\nvoice: { transcribe: true }",
    );
    const after = file(
      "name: Shop\nknowledge: [shop, rules]\nhandoff:\n  keywords: [refund, boss]\n  reply: { en: Wait., es: Espere. }\ngrounding: { check: refuse }\nvoice: { transcribe: false }",
    );
    expect(settingChanges(before, after)).toEqual([
      { path: "knowledge", added: ["rules"], removed: [] },
      { path: "handoff.keywords", added: ["boss"], removed: ["human"] },
      { path: "handoff.reply.en", before: undefined, after: "Wait." },
      { path: "handoff.reply.es", before: undefined, after: "Espere." },
      { path: "grounding.check", before: "hold", after: "refuse" },
      { path: "voice.transcribe", before: true, after: false },
      { path: "temperature", before: 0.2, after: undefined },
      { path: "handoff.reply", before: "Wait.", after: undefined },
    ]);
  });

  it("is also the order of a list", () => {
    const before = file("languages: [en, es]\nknowledge: [shop]");
    expect(settingChanges(before, file("knowledge: shop\nlanguages: [es, en]"))).toEqual([
      { path: "languages", order: ["es", "en"] },
    ]);
    expect(settingChanges(before, file("languages: [en, es] # ours\nknowledge: [shop]"))).toEqual([]);
  });

  it("leaves out comments, order of the settings and the quotes of a text", () => {
    const before = file("name: Shop # ours\nmodel: a");
    expect(settingChanges(before, file("model: 'a'\n\nname: \"Shop\""))).toEqual([]);
    expect(promptDiffers(before, file("name: Shop", "You are a clerk."))).toBe(false);
    expect(promptDiffers(before, file("name: Shop", "You are a bot."))).toBe(true);
  });

  it("is unknown if a header cannot be read", () => {
    expect(settingChanges(file("name: [a"), file("name: a"))).toBeUndefined();
    expect(settingChanges("Only a prompt.", file("name: a"))).toEqual([
      { path: "name", before: undefined, after: "a" },
    ]);
  });
});
