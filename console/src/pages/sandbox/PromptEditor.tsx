// The prompt editor as a React component. CodeMirror takes more to load than the rest of the sandbox: it is fetched
// for who is about to write. Until then, and where it cannot be fetched, the text is written in a plain text area.
import { Box } from "@mantine/core";
import { type Ref, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import type { Editor, makeEditor } from "./editor";
import { PlainEditor } from "./PlainEditor";
import classes from "./Sandbox.module.css";

export type EditorHandle = Pick<Editor, "goTo" | "insert">;

type Props = {
  ref?: Ref<EditorHandle>;
  value: string;
  onChange: (text: string) => void;
  label: string;
  /** The known variables; undefined until they are loaded. */
  known?: ReadonlySet<string>;
  /** The line of an error, counted from 1. */
  line?: number;
  /** Whether to show line numbers. */
  numbers?: boolean;
};

/** What makes an editor, once it is loaded. */
let maker: typeof makeEditor | undefined;

/** Fetches CodeMirror. Where it fails, nothing changes: the next wish for it is the next attempt. */
async function fetchMaker() {
  maker ??= await import("./editor").then(
    (code) => code.makeEditor,
    () => undefined,
  );
  return maker;
}

export function PromptEditor({ ref, value, onChange, label, known, line, numbers = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plain = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<Editor>(undefined);
  const change = useRef(onChange);
  change.current = onChange;
  const [isFetched, setFetched] = useState(!!maker);
  // Whether CodeMirror has taken over from the text area.
  const [isMade, setMade] = useState(!!maker);
  // Half a sign of an input method would be lost.
  const [isComposing, setComposing] = useState(false);
  const want = async () => {
    if (!isFetched && (await fetchMaker())) setFetched(true);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: only CodeMirror numbers lines and marks an error.
  useEffect(() => {
    if (numbers || line !== undefined) void want();
  }, [numbers, line]);
  const isTime = isFetched && !isComposing;
  // Before the text area goes: its cursor and its focus are taken over.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what changes later is told by the effects below.
  useLayoutEffect(() => {
    if (!box.current || !maker || !isTime) return;
    const made = maker(box.current, {
      text: value,
      label,
      numbers,
      from: plain.current ?? undefined,
      onChange: (text) => change.current(text),
    });
    editor.current = made;
    setMade(true);
    return () => made.destroy();
  }, [numbers, isTime]);
  useEffect(() => editor.current?.put(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new editor has no marks yet.
  useEffect(() => editor.current?.mark({ known, line }), [known, line, isMade]);
  useEffect(() => editor.current?.relabel(label), [label]);
  useImperativeHandle(
    ref,
    () => ({
      goTo(to) {
        if (editor.current) return editor.current.goTo(to);
        const before = plain.current?.value.split("\n").slice(0, to - 1) ?? [];
        const at = before.reduce((sum, text) => sum + text.length + 1, 0);
        plain.current?.focus();
        plain.current?.setSelectionRange(at, at);
      },
      insert(text) {
        if (editor.current) return editor.current.insert(text);
        const { current: area } = plain;
        if (!area) return;
        area.focus();
        area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
        change.current(area.value);
      },
    }),
    [],
  );
  return (
    <Box
      className={classes.editor}
      data-wrong={line !== undefined || undefined}
      onPointerEnter={() => void want()}
      onFocus={() => void want()}
      onCompositionStart={() => setComposing(!isMade)}
      onCompositionEnd={() => setComposing(false)}
    >
      {!isMade && <PlainEditor ref={plain} value={value} onChange={onChange} label={label} known={known} />}
      <div ref={box} className={classes.code} />
    </Box>
  );
}
