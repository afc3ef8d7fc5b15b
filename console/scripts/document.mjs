import { readFileSync } from "node:fs";

// The server's OpenAPI document, by default the snapshot in the server's tests. OPENAPI=FILE reads another one.
export function document() {
  const source = process.env.OPENAPI ?? new URL("../../tests/it/snapshots/openapi.snap", import.meta.url);
  const text = readFileSync(source, "utf8");
  // A snapshot file has a header between two lines of dashes.
  return text.startsWith("---") ? text.slice(text.indexOf("\n{")) : text;
}
