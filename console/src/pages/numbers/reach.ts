// Whether a provider can reach an address: it must be public and use https.

/** `private`: reachable only from this computer or network. `plain`: not https. */
export type Reach = "public" | "private" | "plain";

const names = /(^|\.)(localhost|local|internal|lan|home\.arpa|test)$/;
const v4 = /^(0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\./;
const v6 = /^\[(::1?\]|f[cd]|fe[89ab])/;

export function reach(address: string): Reach {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return "private";
  }
  const { hostname: host } = url;
  const alone = !host.includes(".") && !host.startsWith("[");
  if (alone || names.test(host) || v4.test(host) || v6.test(host)) return "private";
  return url.protocol === "https:" ? "public" : "plain";
}

/** The address's host and port. */
export function host(address: string): string {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}
