// What differs between two prompt files, setting by setting.
import { readPrompt } from "./promptFile";

/**
 * A list's entries that came and went, or its same entries in another order; or a value before and after, undefined
 * where it is not set.
 */
export type SettingChange =
  | { path: string; added: string[]; removed: string[] }
  | { path: string; order: string[] }
  | { path: string; before: SettingValue | undefined; after: SettingValue | undefined };

export type SettingValue = string | number | boolean | null;

function isPlain(value: unknown): value is SettingValue {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** The settings of a header by their paths, such as `handoff.reply`; lists stay whole. */
function settingsOf(source: string): Map<string, SettingValue | string[]> {
  const found = new Map<string, SettingValue | string[]>();
  const read = (value: unknown, path: string) => {
    if (Array.isArray(value))
      found.set(
        path,
        value.map((one) => (typeof one === "string" ? one : JSON.stringify(one))),
      );
    else if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) read(inner, path ? `${path}.${key}` : key);
    else if (isPlain(value)) found.set(path, value);
  };
  read(readPrompt(source).header.toJS(), "");
  // The short form says the same.
  const short = found.get("grounding");
  if (short !== undefined) {
    found.delete("grounding");
    found.set("grounding.check", short);
  }
  return found;
}

/** The settings that differ, in the order of the later file; undefined if a header cannot be read. */
export function settingChanges(before: string, after: string): SettingChange[] | undefined {
  if ([before, after].some((source) => readPrompt(source).header.errors.length > 0)) return undefined;
  const [was, is] = [settingsOf(before), settingsOf(after)];
  const changes: SettingChange[] = [];
  for (const path of new Set([...is.keys(), ...was.keys()])) {
    const [one, other] = [was.get(path), is.get(path)];
    if (Array.isArray(one) || Array.isArray(other)) {
      const [old, now] = [listOf(one), listOf(other)];
      const added = now.filter((word) => !old.includes(word));
      const removed = old.filter((word) => !now.includes(word));
      if (added.length + removed.length > 0) changes.push({ path, added, removed });
      // The first of `languages` decides the language of fixed texts.
      else if (old.join("\n") !== now.join("\n")) changes.push({ path, order: now });
    } else if (one !== other) changes.push({ path, before: one, after: other });
  }
  return changes;
}

function listOf(value: SettingValue | string[] | undefined): string[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [String(value)];
}

/** Whether the system prompts differ. */
export function promptDiffers(before: string, after: string): boolean {
  return readPrompt(before).body.trim() !== readPrompt(after).body.trim();
}
