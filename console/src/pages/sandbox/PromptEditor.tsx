// The prompt editor as a React component.
import { Box } from "@mantine/core";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import { type Editor, makeEditor } from "./editor";
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

export function PromptEditor({ ref, value, onChange, label, known, line, numbers = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>(undefined);
  const change = useRef(onChange);
  change.current = onChange;

  // biome-ignore lint/correctness/useExhaustiveDependencies: what changes later is told by the effects below.
  useEffect(() => {
    if (!box.current) return;
    const made = makeEditor(box.current, {
      text: value,
      label,
      numbers,
      onChange: (text) => change.current(text),
    });
    editor.current = made;
    return () => made.destroy();
  }, [numbers]);
  useEffect(() => editor.current?.put(value), [value]);
  useEffect(() => editor.current?.mark({ known, line }), [known, line]);
  useEffect(() => editor.current?.relabel(label), [label]);
  useImperativeHandle(
    ref,
    () => ({
      goTo: (to) => editor.current?.goTo(to),
      insert: (text) => editor.current?.insert(text),
    }),
    [],
  );
  return <Box ref={box} className={classes.editor} data-wrong={line !== undefined || undefined} />;
}
