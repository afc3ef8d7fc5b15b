// Generates src/api/schema.d.ts from the server's OpenAPI document, by default the snapshot in the server's
// tests. OPENAPI=FILE reads another document.
import { readFileSync, writeFileSync } from "node:fs";
import openapi, { astToString } from "openapi-typescript";

const source = process.env.OPENAPI ?? new URL("../../tests/it/snapshots/openapi.snap", import.meta.url);
const text = readFileSync(source, "utf8");
// A snapshot file has a header between two lines of dashes.
const json = text.startsWith("---") ? text.slice(text.indexOf("\n{")) : text;
// Fields with a default stay optional: rows of older runs lack them.
const types = await openapi(JSON.parse(json), { defaultNonNullable: false });
const made = `// Made by scripts/types.mjs.\n${astToString(types)}`;
const target = new URL("../src/api/schema.d.ts", import.meta.url);
let before = "";
try {
  before = readFileSync(target, "utf8");
} catch {
  // The file does not exist yet.
}
if (before !== made) writeFileSync(target, made);
