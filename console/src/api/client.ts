// The server's API: typed by its OpenAPI document. Whatever fails throws a `Failure` with words for people.
import createFetchClient, { type Middleware } from "openapi-fetch";
import createClient from "openapi-react-query";
import type { components, paths } from "./schema";

/** The shapes of the API's document. */
export type Schemas = components["schemas"];
/** What the server says when it did not do what was asked. */
export type Problem = Schemas["Problem"];

/** A call that did not do what was asked. `status` is 0 when the server was not reached. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The whole problem, as the server said it. */
    readonly problem?: Problem,
  ) {
    super(message);
    this.name = "Failure";
  }
}

let csrf = "";
let onSignedOut = () => {};

/** What every write of this session carries. */
export function carry(token: string) {
  csrf = token;
}

/** What happens when the server does not know the session any more. */
export function whenSignedOut(act: () => void) {
  onSignedOut = act;
}

/** Says that the server does not know the session any more. */
export function signedOut() {
  onSignedOut();
}

/** Headers for a call that is made without the client: a stream, or a form that shows its progress. */
export function headers(): Record<string, string> {
  return csrf ? { "X-CSRF-Token": csrf } : {};
}

/** What went wrong, from an answer that is not of the 200s. */
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

/** Calls one by one: `await api.POST("/api/v1/…", { body })`. */
export const api = createFetchClient<paths>({
  // Asked anew each time, so that a test or a mend may put another one in its place.
  fetch: (request) => globalThis.fetch(request),
});
api.use(plain);

/** Calls as hooks: `$api.useQuery("get", "/api/v1/…")`, `$api.useMutation("post", "/api/v1/…")`. */
export const $api = createClient(api);
