// Client of the server's API, typed by its OpenAPI document. Every failed call throws a `Failure` with a
// readable message.
import createFetchClient, { type Middleware } from "openapi-fetch";
import createClient from "openapi-react-query";
import type { components, paths } from "./schema";

/** Schemas of the OpenAPI document. */
export type Schemas = components["schemas"];
/** The body of an error response. */
export type Problem = Schemas["Problem"];

/** A failed API call. `status` is 0 when the server could not be reached. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The whole error body as the server sent it. */
    readonly problem?: Problem,
  ) {
    super(message);
    this.name = "Failure";
  }
}

let csrf = "";
let onSignedOut = () => {};

/** Sets the CSRF token that every write of this session sends. */
export function carry(token: string) {
  csrf = token;
}

/** Registers the handler that runs when the session has expired. */
export function whenSignedOut(act: () => void) {
  onSignedOut = act;
}

/** Reports that the session has expired. */
export function signedOut() {
  onSignedOut();
}

/** Headers for a request made without this client: a stream, or an upload that shows its progress. */
export function headers(): Record<string, string> {
  return csrf ? { "X-CSRF-Token": csrf } : {};
}

/** The failure that a response outside the 200s describes. */
export async function failure(response: Response): Promise<Failure> {
  const problem: Problem | undefined = await response
    .clone()
    .json()
    .catch(() => undefined);
  return new Failure(response.status, problem?.detail ?? problem?.title ?? response.statusText, problem);
}

const plain: Middleware = {
  onRequest({ request }) {
    if (csrf && request.method !== "GET") request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
  async onResponse({ response, schemaPath }) {
    if (response.ok) return response;
    if (response.status === 401 && schemaPath !== "/api/v1/session") onSignedOut();
    throw await failure(response);
  },
  onError({ error }) {
    if (error instanceof Failure || (error instanceof DOMException && error.name === "AbortError")) return;
    return new Failure(0, "");
  },
};

/** Single calls: `await api.POST("/api/v1/…", { body })`. */
export const api = createFetchClient<paths>({
  // Looks up `fetch` on each call, so that tests and polyfills can replace it.
  fetch: (request) => globalThis.fetch(request),
});
api.use(plain);

/** Hooks: `$api.useQuery("get", "/api/v1/…")`, `$api.useMutation("post", "/api/v1/…")`. */
export const $api = createClient(api);
