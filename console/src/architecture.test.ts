// Rules that the compiler does not enforce: no import cycles; no type casts; no record lookup without a fallback,
// because a newer server may send a word that the record lacks; no colour or size of text that the theme does not
// name; and no component or type whose name is no noun.
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const files = import.meta.glob<string>(["./**/*.{ts,tsx}", "!./**/*.d.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Source files that a file imports, including type-only and lazy imports. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(files[file] ?? "").importedFiles.flatMap(({ fileName }) => {
    if (!/^(\.|@\/)/.test(fileName)) return [];
    const path = posix.join(fileName.startsWith("@") ? "" : posix.dirname(file), fileName.replace("@/", ""));
    return [`./${path}.ts`, `./${path}.tsx`].filter((one) => one in files);
  });
}

/** An import cycle reachable from a file. `clear`: files known to have none. */
function circle(file: string, clear: Set<string>, way: string[] = []): string[] | undefined {
  if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
  if (clear.has(file)) return undefined;
  for (const next of importsOf(file)) {
    const found = circle(next, clear, [...way, file]);
    if (found) return found;
  }
  clear.add(file);
  return undefined;
}

function nodesOf(file: string, is: (node: ts.Node) => boolean): string[] {
  const found: string[] = [];
  const look = (node: ts.Node) => {
    if (is(node)) found.push(`${file}: ${node.getText()}`);
    ts.forEachChild(node, look);
  };
  look(ts.createSourceFile(file, files[file] ?? "", ts.ScriptTarget.Latest, true));
  return found;
}

const isCast = (node: ts.Node) =>
  (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) && !ts.isConstTypeReference(node.type);

/** Matches `const Icon = icons[word]` and `const { color } = looks[word]`. */
function isTrusting(node: ts.Node): boolean {
  if (!ts.isVariableDeclaration(node) || !node.initializer) return false;
  if (!ts.isElementAccessExpression(node.initializer)) return false;
  return ts.isObjectBindingPattern(node.name) || /^[A-Z]/.test(node.name.getText());
}

test("no files import each other in a circle", () => {
  expect(importsOf("./router.tsx")).toContain("./pages/inbox/InboxPage.tsx");
  const clear = new Set<string>();
  for (const file of Object.keys(files)) expect(circle(file, clear)).toBeUndefined();
});

test("nothing is cast: types come from the API's document, or from a check", { timeout: 60_000 }, () => {
  expect(Object.keys(files).flatMap((file) => nodesOf(file, isCast))).toEqual([]);
});

test("components and objects come from a record by `known`, with a fallback", { timeout: 60_000 }, () => {
  expect(Object.keys(files).flatMap((file) => nodesOf(file, isTrusting))).toEqual([]);
});

/** A name of one word that is a participle, or a word that points at something without saying what it is. */
const bare =
  /^(?:[A-Z][a-z]*(?:[^e]ed|ing)|Broken|Chosen|Closed|Found|Given|Heard|Held|Kept|Known|Made|Read|Said|Seen|Sent|Shown|Taken|Told|Took|Written|About|Again|Against|At|Beside|Every|From|Full|None|Of|On|Only|Other|To|Way|What|Where|Which|Whole|Why)$/;
/** Nouns of the field, and the two states that every page has. */
const nouns = [
  "Drawing",
  "Failed",
  "Finding",
  "Loading",
  "Meaning",
  "Ranking",
  "Rating",
  "Recording",
  "Setting",
];

function isBare(node: ts.Node): boolean {
  const isNamed =
    ts.isTypeAliasDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isVariableDeclaration(node);
  const name = (isNamed && node.name?.getText()) || "";
  return bare.test(name) && !nouns.includes(name);
}

test("components and types are named with nouns", { timeout: 60_000 }, () => {
  for (const name of ["Embedded", "Publishing", "Shown", "Where"]) expect(name).toMatch(bare);
  expect(Object.keys(files).flatMap((file) => nodesOf(file, isBare))).toEqual([]);
});

/** A colour in hexadecimal, a shade of a hue, or a hue beyond the theme's five names. */
const colour =
  /#(?:[\da-f]{6}|[\da-f]{3})\b|\brgba?\(|(?:"|mantine-color-)(?:gray|red|pink|grape|violet|indigo|blue|cyan|teal|green|lime|yellow|orange)[.-]\d|"(?:pink|grape|violet|indigo|cyan|green|lime|yellow)"/i;
/** A size of text in pixels. Numbers in drawings are in their own units. */
const size = /font-size: \d|fontSize: "\d|fz=\{\d/;

test("colours and sizes of text are chosen in the theme alone", () => {
  for (const one of ['color="red.7"', "color: #fff;", "rgb(0 0 0 / 3%)", "var(--mantine-color-indigo-8)"])
    expect(one).toMatch(colour);
  for (const one of ["font-size: 11px", 'fontSize: "13.5px"', "fz={12}"]) expect(one).toMatch(size);
  const all = readdirSync("src", { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.(?:css|tsx?)$/.test(file) && !/^theme\.ts$|\.test\.tsx?$/.test(file),
  );
  expect(all).toContain("app.css");
  const textOf = (file: string) => readFileSync(`src/${file}`, "utf8");
  expect(all.filter((file) => colour.test(textOf(file)) || size.test(textOf(file)))).toEqual([]);
});
