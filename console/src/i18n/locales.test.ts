// Every language has every English text, in all of its own plural forms.
import { expect, test } from "vitest";
import { languages } from "./index";

const files = import.meta.glob<{ default: Texts }>("../locales/*/*.json", { eager: true });
type Texts = { [key: string]: string | Texts };

const plural = /_(zero|one|two|few|many|other)$/;

function flat(texts: Texts, before = ""): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") all.set(before + key, value);
    else for (const [inner, text] of flat(value, `${before}${key}.`)) all.set(inner, text);
  }
  return all;
}

function texts(language: string, namespace: string) {
  return flat(files[`../locales/${language}/${namespace}.json`]?.default ?? {});
}

/** The keys that a language needs for these English keys. */
function wanted(language: string, english: Iterable<string>): Set<string> {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const keys = new Set<string>();
  for (const key of english) {
    const base = key.replace(plural, "");
    if (base === key) keys.add(key);
    else for (const form of forms) keys.add(`${base}_${form}`);
  }
  return keys;
}

const holes = (text: string) =>
  new Set(text.match(/\{\{-?\s*\w+/g)?.map((hole) => hole.replace(/\{\{-?\s*/, "")));

const namespaces = Object.keys(files)
  .map((file) => /locales\/en\/(.*)\.json$/.exec(file)?.[1])
  .filter((name) => name !== undefined);

test.each(Object.keys(languages).flatMap((language) => namespaces.map((name) => [language, name] as const)))(
  "%s has all texts of %s",
  (language, name) => {
    const english = texts("en", name);
    const theirs = texts(language, name);
    expect([...theirs.keys()].sort()).toEqual([...wanted(language, english.keys())].sort());
    for (const [key, text] of theirs) {
      expect(text.trim(), `${language} ${name} ${key}`).not.toBe("");
      const base = english.get(key) ?? english.get(`${key.replace(plural, "")}_other`) ?? "";
      const given = holes(base);
      // `count` may be written out: "one conversation".
      for (const hole of holes(text)) expect(given, `${language} ${name} ${key}`).toContain(hole);
      for (const hole of given)
        if (hole !== "count") expect(holes(text), `${language} ${name} ${key}`).toContain(hole);
    }
  },
);
