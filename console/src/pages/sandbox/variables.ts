// Finds the template parts of a system prompt: variables, statements and comments.

export type TemplatePart = {
  from: number;
  to: number;
  kind: "variable" | "unknown" | "statement";
  name?: string;
};

const marks = /\{\{-?([\s\S]*?)-?\}\}|\{%-?([\s\S]*?)-?%\}|\{#[\s\S]*?#\}/g;
const made = /\{%-?\s*(?:set|for)\s+([A-Za-z_]\w*)/g;

/**
 * The template parts with their positions. A variable is unknown when it is neither in `known` nor defined in
 * the prompt itself.
 */
export function findTemplates(text: string, known?: ReadonlySet<string>): TemplatePart[] {
  const own = new Set(Array.from(text.matchAll(made), (match) => match[1]));
  return Array.from(text.matchAll(marks), (match) => {
    const [from, to] = [match.index, match.index + match[0].length];
    const name = match[1] === undefined ? undefined : /^\s*([A-Za-z_]\w*)/.exec(match[1])?.[1];
    if (match[1] === undefined) return { from, to, kind: "statement" as const };
    const strange = !!known && !!name && !known.has(name) && !own.has(name) && name !== "loop";
    return { from, to, kind: strange ? ("unknown" as const) : ("variable" as const), name };
  });
}
