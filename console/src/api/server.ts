// Whether the server answers, and what to do where it answers without a file that this page needs.

const RENEWED = "frontdesk.renewed";
/** The window is not reloaded again within this time, in milliseconds. */
const APART = 60_000;

/** Whether the server can be reached at all. */
export async function answers(): Promise<boolean> {
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => undefined);
  return !!answer?.ok;
}

/** Reloads the window: an update has replaced the files that this page knows. */
export function renew() {
  const last = Number(sessionStorage.getItem(RENEWED) ?? 0);
  if (Date.now() - last < APART) return;
  sessionStorage.setItem(RENEWED, String(Date.now()));
  location.reload();
}

/**
 * Imports a file of the console, again and again until it arrives: a failed import is no reason to show a
 * page without its texts.
 */
export async function arriving<T>(load: () => Promise<T>, pause = wait): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await load();
    } catch {
      if (await answers()) renew();
      await pause(Math.min(1_000 * 2 ** tries, 15_000));
    }
  }
}

/** Waits, at most until the browser is online again. */
function wait(ms: number): Promise<void> {
  return new Promise((over) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      over();
    };
    const timer = setTimeout(end, ms);
    window.addEventListener("online", end);
  });
}
