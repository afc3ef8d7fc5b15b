// Keeps the keyboard's place: what had the focus may be disabled while it works, or be gone when it is done, and the
// browser would then begin again at the top of the page.
import { useEffect } from "react";

/** How many places are remembered: a button, the menu it opened, the dialog after that. */
const REMEMBERED = 8;
/** Dialogs and menus give the focus back themselves, a moment after they close, in milliseconds. */
const LATER = 40;

const reachable = ":is(a[href], button, input, textarea, select, [tabindex]):not(:disabled, [tabindex='-1'])";

type Place = { element: HTMLElement; around: HTMLElement[] };

const isShown = (element: HTMLElement) => element.isConnected && element.checkVisibility?.() !== false;

/** What is around an element, from the nearest, within the page or a dialog. */
function around(element: HTMLElement): HTMLElement[] {
  const frame = element.closest<HTMLElement>("main, [role='dialog'], [role='menu']");
  const found: HTMLElement[] = [];
  for (let one = element.parentElement; frame && one && one !== frame; one = one.parentElement)
    found.push(one);
  return found;
}

/** Where to go from places that are gone: the newest that is there, or the first thing beside it. */
export function nearest(places: readonly Place[]): HTMLElement | null {
  for (const { element, around } of places) {
    if (isShown(element) && element.matches(reachable)) return element;
    for (const one of around) {
      if (!isShown(one)) continue;
      const beside = [...one.querySelectorAll<HTMLElement>(reachable)].find(isShown);
      if (beside) return beside;
    }
  }
  return document.querySelector<HTMLElement>("main");
}

export function useKeptFocus() {
  useEffect(() => {
    let places: Place[] = [];
    let timer = 0;
    const isLost = () => document.activeElement === document.body || !document.activeElement;
    const forget = () => {
      places = [];
    };
    const come = ({ target }: FocusEvent) => {
      if (!(target instanceof HTMLElement) || !target.closest("main, [role='dialog'], [role='menu']"))
        forget();
      else places = [{ element: target, around: around(target) }, ...places].slice(0, REMEMBERED);
    };
    const look = () => {
      const last = places[0]?.element;
      // What is loading is enabled again.
      if (!last || !isLost() || (last.isConnected && last.dataset.loading)) return;
      nearest(places)?.focus({ preventScroll: true });
    };
    const later = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(look, LATER);
    };
    // Whoever leaves a field that is still there wants to: by Escape, or by pressing beside it.
    const leave = ({ target }: FocusEvent) =>
      setTimeout(() => {
        const last = places[0]?.element;
        if (last === target && isLost() && last && isShown(last) && !last.matches(":disabled")) forget();
        else later();
      });
    const watch = new MutationObserver(() => {
      const last = places[0]?.element;
      if (last && isLost()) later();
    });
    watch.observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ["disabled", "data-loading"],
    });
    document.addEventListener("focusin", come);
    document.addEventListener("focusout", leave);
    document.addEventListener("pointerdown", forget);
    return () => {
      watch.disconnect();
      window.clearTimeout(timer);
      document.removeEventListener("focusin", come);
      document.removeEventListener("focusout", leave);
      document.removeEventListener("pointerdown", forget);
    };
  }, []);
}
