// Generates src/api/schema.d.ts from the server's OpenAPI document.
import { readFileSync, writeFileSync } from "node:fs";
import openapi, { astToString } from "openapi-typescript";
import { document } from "./document.mjs";

// Fields with a default stay optional: rows of older runs lack them.
const types = await openapi(JSON.parse(document()), { defaultNonNullable: false });
const made = `// Made by scripts/types.mjs.\n${astToString(types)}`;
const target = new URL("../src/api/schema.d.ts", import.meta.url);
let before = "";
try {
  before = readFileSync(target, "utf8");
} catch {
  // The file does not exist yet.
}
if (before !== made) writeFileSync(target, made);
