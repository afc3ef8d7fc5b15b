// What is being written, kept in this browser for each conversation until it is sent.
import { useState } from "react";

const key = (id: string) => `frontdesk.draft.${id}`;

function keep(id: string, text: string) {
  try {
    if (text) localStorage.setItem(key(id), text);
    else localStorage.removeItem(key(id));
  } catch {
    // A browser that keeps nothing: the draft lasts as long as the page.
  }
}

export function useDraft(id: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => localStorage.getItem(key(id)) ?? "");
  return [
    text,
    (next) => {
      setText(next);
      keep(id, next);
    },
  ];
}
