// Unsent text of each conversation, stored in this browser.
import { useState } from "react";

const key = (id: string) => `frontdesk.draft.${id}`;

function keep(id: string, text: string) {
  try {
    if (text) localStorage.setItem(key(id), text);
    else localStorage.removeItem(key(id));
  } catch {
    // Without storage the draft lasts as long as the page.
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
