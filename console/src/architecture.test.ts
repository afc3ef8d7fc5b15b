// What the compiler lets pass: files that import each other in a circle, and casts, which believe what nobody has checked.
import { posix } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const files = import.meta.glob<string>(["./**/*.{ts,tsx}", "!./**/*.d.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});

/** What a file imports of ours: for its types alone, and pages that are fetched later, too. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(files[file] ?? "").importedFiles.flatMap(({ fileName }) => {
    if (!/^(\.|@\/)/.test(fileName)) return [];
    const path = posix.join(fileName.startsWith("@") ? "" : posix.dirname(file), fileName.replace("@/", ""));
    return [`./${path}.ts`, `./${path}.tsx`].filter((one) => one in files);
  });
}

/** A circle that is reached from a file. `clear`: files from which there is none. */
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

function castsIn(file: string): string[] {
  const found: string[] = [];
  const look = (node: ts.Node) => {
    const isCast = ts.isAsExpression(node) || ts.isTypeAssertionExpression(node);
    if (isCast && !ts.isConstTypeReference(node.type)) found.push(`${file}: ${node.getText()}`);
    ts.forEachChild(node, look);
  };
  look(ts.createSourceFile(file, files[file] ?? "", ts.ScriptTarget.Latest, true));
  return found;
}

test("no files import each other in a circle", () => {
  expect(importsOf("./router.tsx")).toContain("./pages/inbox/InboxPage.tsx");
  const clear = new Set<string>();
  for (const file of Object.keys(files)) expect(circle(file, clear)).toBeUndefined();
});

test("nothing is cast: types come from the API's document, or from a check", { timeout: 60_000 }, () => {
  expect(Object.keys(files).flatMap(castsIn)).toEqual([]);
});
