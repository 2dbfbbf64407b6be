import type { Bytes, Facts, Method } from "./operation.js";

/** Input without its types. */
export interface LooseInput {
  path?: Readonly<Record<string, unknown>>;
  query?: Readonly<Record<string, unknown>>;
  header?: Readonly<Record<string, unknown>>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
  timeout?: number;
}

/** One logical request: whatever the number of attempts, this is what is sent. */
export interface Request {
  readonly method: Method;
  /** For errors: the path as it is described, without ids. */
  readonly path: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Bytes | undefined;
  /** Whether it carries an Idempotency-Key. */
  readonly keyed: boolean;
}

/** Makes a request, and its Idempotency-Key if it takes one and none is given. */
export function makeRequest(base: string, method: Method, path: string, facts: Facts, input: LooseInput): Request {
  const headers = new Headers(present(input.header));
  if (facts.accept !== undefined) headers.set("Accept", facts.accept);
  if (facts.keyed && !headers.has("Idempotency-Key")) headers.set("Idempotency-Key", crypto.randomUUID());
  const json = facts.body === "application/json";
  if (input.body !== undefined) {
    const type = input.contentType ?? (facts.body === "*/*" ? undefined : facts.body);
    if (type !== undefined) headers.set("Content-Type", type); // else fetch says what a Blob is
  }
  return {
    method, path, headers,
    url: base + fill(path, input.path ?? {}) + search(input.query ?? {}),
    body: input.body === undefined ? undefined : json ? JSON.stringify(input.body) : (input.body as Bytes),
    keyed: facts.keyed === true,
  };
}

/** The path with its parameters. Those that would make it another path are refused: an id may come from anybody. */
function fill(path: string, values: Readonly<Record<string, unknown>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    const text = value === undefined || value === null ? "" : String(value);
    if (text === "" || text === "." || text === "..") throw new TypeError(`${path}: ${name} is ${JSON.stringify(value)}`);
    return encodeURIComponent(text);
  });
}

function search(values: Readonly<Record<string, unknown>>): string {
  const text = new URLSearchParams(present(values)).toString();
  return text && `?${text}`;
}

/** The values that are there, as texts. Several values of one name have commas between them. */
function present(values: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [name, String(value)]),
  );
}
