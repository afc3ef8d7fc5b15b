// Verify tokens and webhook secrets created in this window: the server shows each one once, and the next page needs it too.
const tokens = new Map<string, string>();

export function keepToken(number: string, token: string) {
  tokens.set(number, token);
}

export const tokenOf = (number: string) => tokens.get(number);
