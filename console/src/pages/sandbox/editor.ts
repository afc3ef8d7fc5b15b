// The prompt editor: CodeMirror with template highlighting and error marks.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { Compartment, EditorState, type Extension, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { findTemplates } from "./variables";

/** What to mark: variables that are not among `known`, and the line of an error, counted from 1. */
export type Marks = { known?: ReadonlySet<string>; line?: number };

const setMarks = StateEffect.define<Marks>();
const marksField = StateField.define<Marks>({
  create: () => ({}),
  update(marks, transaction) {
    for (const effect of transaction.effects) if (effect.is(setMarks)) return effect.value;
    return marks;
  },
});

const classes = { variable: "cm-variable", unknown: "cm-unknown", statement: "cm-statement" };

function decorate(view: EditorView): DecorationSet {
  const { known, line } = view.state.field(marksField);
  const { doc } = view.state;
  const found = findTemplates(doc.toString(), known).map(({ from, to, kind }) =>
    Decoration.mark({ class: classes[kind] }).range(from, to),
  );
  if (line && line >= 1 && line <= doc.lines)
    found.push(Decoration.line({ class: "cm-wrong" }).range(doc.line(line).from));
  return Decoration.set(found, true);
}

const highlighting = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = decorate(view);
    }
    update(update: ViewUpdate) {
      const marked = update.startState.field(marksField) !== update.state.field(marksField);
      if (update.docChanged || marked) this.decorations = decorate(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

const look = EditorView.theme({
  "&": { fontSize: "var(--mantine-font-size-sm)", height: "100%", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { paddingBlock: "10px", caretColor: "var(--mantine-color-text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-gutters": {
    backgroundColor: "transparent",
    border: "none",
    color: "var(--mantine-color-dimmed)",
    paddingInlineStart: "4px",
  },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--mantine-color-text) 3%, transparent)" },
  "& .cm-selectionLayer .cm-selectionBackground, &.cm-focused .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "var(--selection)",
  },
  ".cm-variable": {
    color: "var(--variable)",
    backgroundColor: "var(--variable-soft)",
    borderRadius: "3px",
  },
  ".cm-statement": { color: "var(--statement)" },
  ".cm-unknown": {
    color: "var(--bad)",
    textDecoration: "underline wavy",
    textUnderlineOffset: "3px",
  },
  ".cm-line.cm-wrong": {
    backgroundColor: "var(--mantine-color-red-light)",
    boxShadow: "inset 3px 0 0 var(--bad)",
  },
});

function nonce(): string {
  return document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
}

export type Editor = {
  /** Replaces the text; undo still works. */
  put(text: string): void;
  mark(marks: Marks): void;
  relabel(label: string): void;
  /** Moves the cursor to a line, counted from 1. */
  goTo(line: number): void;
  /** Inserts at the cursor. */
  insert(text: string): void;
  destroy(): void;
};

function takeOver(view: EditorView, area: HTMLTextAreaElement) {
  const { selectionStart, selectionEnd, selectionDirection } = area;
  const [anchor, head] =
    selectionDirection === "backward" ? [selectionEnd, selectionStart] : [selectionStart, selectionEnd];
  const last = view.state.doc.length;
  view.dispatch({ selection: { anchor: Math.min(anchor, last), head: Math.min(head, last) } });
  view.scrollDOM.scrollTop = area.parentElement?.scrollTop ?? 0;
  if (document.activeElement === area) view.focus();
}

export function makeEditor(
  parent: HTMLElement,
  first: {
    text: string;
    label: string;
    numbers: boolean;
    /** The text area that it replaces: cursor, focus and scrolling go on from there. */
    from?: HTMLTextAreaElement;
    onChange: (text: string) => void;
  },
): Editor {
  const labelled = new Compartment();
  const label = (text: string): Extension => EditorView.contentAttributes.of({ "aria-label": text });
  // Set during `put`, so that the change is not reported back.
  let fromOutside = false;
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: first.text,
      extensions: [
        EditorView.cspNonce.of(nonce()),
        history(),
        drawSelection(),
        highlightActiveLine(),
        EditorView.lineWrapping,
        EditorView.perLineTextDirection.of(true),
        // Tab leaves the editor, so that keyboard users can get out.
        keymap.of([...defaultKeymap, ...historyKeymap]),
        marksField,
        highlighting,
        look,
        first.numbers ? lineNumbers() : [],
        labelled.of(label(first.label)),
        EditorView.contentAttributes.of({ dir: "auto", spellcheck: "true", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !fromOutside) first.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  if (first.from) takeOver(view, first.from);
  return {
    put(text) {
      const now = view.state.doc.toString();
      if (now === text) return;
      fromOutside = true;
      view.dispatch({ changes: { from: 0, to: now.length, insert: text } });
      fromOutside = false;
    },
    mark: (marks) => view.dispatch({ effects: setMarks.of(marks) }),
    relabel: (text) => view.dispatch({ effects: labelled.reconfigure(label(text)) }),
    goTo(line) {
      const at = view.state.doc.line(Math.max(1, Math.min(line, view.state.doc.lines)));
      view.dispatch({
        selection: { anchor: at.from },
        effects: EditorView.scrollIntoView(at.from, { y: "center" }),
      });
      view.focus();
    },
    insert(text) {
      view.dispatch(view.state.replaceSelection(text));
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}
