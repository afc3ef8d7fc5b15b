// The scroll position of a conversation: at its end it follows new messages; elsewhere the text being read
// stays in place.
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** Within this distance from the end counts as at the end, in pixels. */
const NEAR = 48;

type Anchor = { element: Element; top: number };

/** The first visible message and its position. */
function firstSeen(box: HTMLElement): Anchor | undefined {
  const edge = box.getBoundingClientRect().top;
  const all = box.querySelectorAll("[data-message]");
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all.item(middle).getBoundingClientRect().bottom > edge) high = middle;
    else low = middle + 1;
  }
  const element = all[low];
  return element && { element, top: element.getBoundingClientRect().top - edge };
}

export function useFollow(box: RefObject<HTMLDivElement | null>, shown: unknown) {
  const [atEnd, setAtEnd] = useState(true);
  const pinned = useRef(true);
  const anchor = useRef<Anchor>(undefined);
  const last = useRef(0);

  const keep = useCallback(() => {
    const it = box.current;
    if (!it) return;
    if (pinned.current) it.scrollTop = it.scrollHeight;
    else if (anchor.current?.element.isConnected) {
      const { element, top } = anchor.current;
      const moved = element.getBoundingClientRect().top - it.getBoundingClientRect().top - top;
      if (Math.abs(moved) > 0.5) it.scrollTop += moved;
    }
    last.current = it.scrollTop;
  }, [box]);

  const onScroll = useCallback(() => {
    const it = box.current;
    if (!it) return;
    const near = it.scrollHeight - it.scrollTop - it.clientHeight < NEAR;
    // Content that grows below does not leave the end; only scrolling up does.
    if (near) pinned.current = true;
    else if (it.scrollTop < last.current) pinned.current = false;
    last.current = it.scrollTop;
    anchor.current = pinned.current ? undefined : firstSeen(it);
    setAtEnd(pinned.current);
  }, [box]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever other messages are shown.
  useLayoutEffect(keep, [keep, shown]);
  useEffect(() => {
    const it = box.current;
    if (!it) return;
    const watch = new ResizeObserver(keep);
    watch.observe(it);
    if (it.firstElementChild) watch.observe(it.firstElementChild);
    return () => watch.disconnect();
  }, [box, keep]);

  const toEnd = useCallback(() => {
    pinned.current = true;
    setAtEnd(true);
    keep();
  }, [keep]);

  /** Scrolls to a message. */
  const to = useCallback(
    (id: string) => {
      const element = box.current?.querySelector(`[data-message="${CSS.escape(id)}"]`);
      if (!element || !box.current) return;
      pinned.current = false;
      element.scrollIntoView({ block: "center" });
      anchor.current = firstSeen(box.current);
      last.current = box.current.scrollTop;
      setAtEnd(false);
    },
    [box],
  );
  return { atEnd, onScroll, toEnd, to };
}
