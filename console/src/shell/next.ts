// Where to go after signing in. The link from the terminal opens in a tab that knows nothing of the one that
// asked for it, so the place is kept in this browser.

const KEPT = "frontdesk.next";

/** Only a path of this console, as a browser reads it, which drops tabs and resolves dots. Signing in is no place to go to. */
function path(next: string | null | undefined): string | undefined {
  if (!next?.startsWith("/") || !URL.canParse(next, location.origin)) return undefined;
  const { origin, pathname } = new URL(next, location.origin);
  const ours = origin === location.origin && !pathname.startsWith("//");
  return ours && pathname !== "/sign-in" ? next : undefined;
}

/** Keeps the place of the tab that waits for a sign-in. */
export function keepNext(next: string | undefined) {
  localStorage.setItem(KEPT, path(next) ?? localStorage.getItem(KEPT) ?? "/");
}

/** The place to open now: this tab's own, else the kept one. Tabs that wait hear of it. */
export function takeNext(own: string | undefined): string {
  const next = path(own) ?? path(localStorage.getItem(KEPT)) ?? "/";
  localStorage.removeItem(KEPT);
  return next;
}

/** Calls `act` when another tab has signed in. */
export function whenTaken(act: () => void): () => void {
  const heard = ({ key, newValue }: StorageEvent) => {
    if (key === KEPT && newValue === null) act();
  };
  window.addEventListener("storage", heard);
  return () => window.removeEventListener("storage", heard);
}
