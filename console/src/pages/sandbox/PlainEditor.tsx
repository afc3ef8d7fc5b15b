// The prompt editor until CodeMirror is loaded, and where it cannot be: a text area over the same text, which has the
// colours and, unlike it, grows with its lines. Both look as `editor.ts` does, so that nothing jumps.
import { type Ref, useMemo } from "react";
import classes from "./Sandbox.module.css";
import { findTemplates } from "./variables";

type Props = {
  ref?: Ref<HTMLTextAreaElement>;
  value: string;
  onChange: (text: string) => void;
  label: string;
  known?: ReadonlySet<string>;
};

export function PlainEditor({ ref, value, onChange, label, known }: Props) {
  return (
    <div className={classes.plain}>
      <Colours text={value} known={known} />
      <textarea
        ref={ref}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        aria-label={label}
        dir="auto"
        spellCheck
      />
    </div>
  );
}

function Colours({ text, known }: { text: string; known?: ReadonlySet<string> }) {
  const pieces = useMemo(() => {
    let at = 0;
    const found = findTemplates(text, known).map((part) => {
      const before = text.slice(at, part.from);
      at = part.to;
      return { ...part, before, words: text.slice(part.from, part.to) };
    });
    return { found, rest: text.slice(at) };
  }, [text, known]);
  return (
    <div aria-hidden dir="auto">
      {pieces.found.map(({ from, before, kind, words }) => (
        <span key={from}>
          {before}
          <span className={classes[kind]}>{words}</span>
        </span>
      ))}
      {pieces.rest}
      {/* A last line that is empty has a height, too. */}
      {"\u200B"}
    </div>
  );
}
