// Asks before the window closes while that would lose something.

/** Returns a function that switches the question on and off. */
export function leaveGuard() {
  const ask = (event: Event) => event.preventDefault();
  return (on: boolean) => window[on ? "addEventListener" : "removeEventListener"]("beforeunload", ask);
}
