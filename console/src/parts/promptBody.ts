// What can be read of a prompt file without YAML's parser, which takes more to load than most pages.

/** A header between two lines of dashes, then the system prompt. */
export const shape = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|$)([\s\S]*)$/;

/** The system prompt. Without a header it is the whole file. */
export function bodyOf(source: string): string {
  return shape.exec(source)?.[2] ?? source;
}

/** The file with another system prompt. */
export function withBody(source: string, body: string): string {
  if (!shape.test(source)) return `---\n{}\n---\n${body}`;
  return source.slice(0, source.length - bodyOf(source).length) + body;
}

/**
 * A text at the top level of the header that is written on one line, as names are. Undefined for what takes a
 * parser to read: other values than text, several lines, rare escapes.
 */
export function headerLine(source: string, key: string): string | undefined {
  const header = shape.exec(source)?.[1] ?? "";
  const written = new RegExp(`^${key}:[ \\t]+(\\S.*?)[ \\t]*$(?!\\r?\\n[ \\t]+\\S)`, "m").exec(header)?.[1];
  const [, double, single, plain] =
    /^(?:("(?:[^"\\]|\\.)*")|'((?:[^']|'')*)'|([^\s"'#&*!|>%@`[\]{},?-](?:[^#:]|\S#|:(?=\S))*?))(?:\s+#.*)?$/.exec(
      written ?? "",
    ) ?? [];
  if (single !== undefined) return single.replaceAll("''", "'");
  if (double === undefined) return plain;
  try {
    return JSON.parse(double);
  } catch {
    return undefined;
  }
}
