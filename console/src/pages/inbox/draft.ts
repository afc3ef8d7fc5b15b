// Unsent text of each conversation. Each tab keeps its own; the newest of any tab is there for a new tab.
import { useCallback, useEffect, useRef, useState } from "react";

const key = (id: string) => `frontdesk.draft.${id}`;

/** This tab's draft, else the newest of any tab. */
function read(id: string): string {
  try {
    return sessionStorage.getItem(key(id)) ?? localStorage.getItem(key(id)) ?? "";
  } catch {
    return "";
  }
}

function keep(id: string, text: string, before: string) {
  try {
    if (text) {
      sessionStorage.setItem(key(id), text);
      localStorage.setItem(key(id), text);
      return;
    }
    sessionStorage.removeItem(key(id));
    // Another tab's draft stays.
    if (localStorage.getItem(key(id)) === before) localStorage.removeItem(key(id));
  } catch {
    // Without storage the draft lasts as long as the page.
  }
}

export function useDraft(id: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => read(id));
  const now = useRef(text);
  const write = useCallback(
    (next: string) => {
      keep(id, next, now.current);
      now.current = next;
      setText(next);
    },
    [id],
  );
  useEffect(() => {
    const heard = ({ key: changed, oldValue, newValue }: StorageEvent) => {
      if (changed !== key(id) || newValue !== null || !now.current) return;
      // Another tab has sent its draft. If it was this one, it is not to be sent twice.
      write(oldValue === now.current ? "" : now.current);
    };
    window.addEventListener("storage", heard);
    return () => window.removeEventListener("storage", heard);
  }, [id, write]);
  return [text, write];
}
