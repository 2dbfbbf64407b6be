import { type Answer, type Argument, type ConditionalPath, factsOf, type Facts, type Input, type Item, type ListPath, type Method, type Operation, type PathOf, type Reply } from "./operation.js";
import { items } from "./list.js";
import { type FollowOptions, follow, type Progress } from "./progress.js";
import { type Problem, readProblem } from "./problem.js";
import { type LooseInput, makeRequest } from "./request.js";
import { send, type Transport } from "./send.js";
import { wait } from "./wait.js";

/** How a client calls. */
export interface Options {
  /** How long one attempt may take, in milliseconds. Default: 30,000; the longest, an import of 10 MB, takes a few seconds. */
  timeout?: number;
  /** How many attempts are made of what may be repeated. Default: 4. */
  attempts?: number;
  /** What sends requests, for proxies and certificates of your own. Default: the global fetch. */
  fetch?: typeof fetch;
  /** What waits between attempts, for tests. Default: a timer. */
  wait?: typeof wait;
}

/** Calls one API. Paths, parameters, bodies and answers have the types of its description. */
export class Client {
  readonly #base: string;
  readonly #timeout: number;
  readonly #transport: Transport;

  /**
   * @param address the API's, as in "https://presswork.example.org"
   * @param key an API key, or a function that gives a token: it is asked before every attempt
   */
  constructor(address: string, key: string | (() => string | Promise<string>), options: Options = {}) {
    const { origin, pathname } = new URL(address);
    this.#base = origin + pathname.replace(/\/+$/, "");
    this.#timeout = options.timeout ?? 30_000;
    const fetch = options.fetch ?? globalThis.fetch;
    this.#transport = {
      fetch: (...request) => fetch(...request), // a browser's has to be called without a this
      key: typeof key === "string" ? () => key : key,
      attempts: options.attempts ?? 4,
      wait: options.wait ?? wait,
    };
  }

  /**
   * Calls an operation. An answer that is no success is thrown as a Problem, and none as a NoAnswer, after as many attempts
   * as are allowed. Of operations that take one, all attempts carry the same Idempotency-Key: give your own in `header` to
   * repeat the call yourself, in another process even.
   */
  async call<M extends Method, P extends PathOf<M>>(method: M, path: P, ...[input]: Argument<Input<Operation<M, P>>>): Promise<Answer<Operation<M, P>>> {
    return (await this.#call(method, path, input as LooseInput)) as Answer<Operation<M, P>>;
  }

  get<P extends PathOf<"get">>(path: P, ...input: Argument<Input<Operation<"get", P>>>): Promise<Answer<Operation<"get", P>>> {
    return this.call("get", path, ...input);
  }

  post<P extends PathOf<"post">>(path: P, ...input: Argument<Input<Operation<"post", P>>>): Promise<Answer<Operation<"post", P>>> {
    return this.call("post", path, ...input);
  }

  put<P extends PathOf<"put">>(path: P, ...input: Argument<Input<Operation<"put", P>>>): Promise<Answer<Operation<"put", P>>> {
    return this.call("put", path, ...input);
  }

  delete<P extends PathOf<"delete">>(path: P, ...input: Argument<Input<Operation<"delete", P>>>): Promise<Answer<Operation<"delete", P>>> {
    return this.call("delete", path, ...input);
  }

  /** Gets what is there now; undefined if it is still of the version that an answer named before as its `etag`. */
  async changed<P extends ConditionalPath>(path: P, etag: string, ...[input]: Argument<Input<Operation<"get", P>>>): Promise<Answer<Operation<"get", P>> | undefined> {
    const loose: LooseInput = input ?? {};
    const answer = await this.#call("get", path, { ...loose, header: { ...loose.header, "If-None-Match": etag } });
    return answer.status === 304 ? undefined : (answer as Answer<Operation<"get", P>>);
  }

  /** Every item of a list, page by page. `limit` is the size of a page (the largest, unless told), `cursor` where to begin. */
  list<P extends ListPath>(path: P, ...[input]: Argument<Input<Operation<"get", P>>>): AsyncGenerator<Item<P>, void, undefined> {
    const loose: LooseInput = input ?? {};
    const page = factsOf("get", path).page || undefined;
    return items<Item<P>>(async (cursor) => {
      const query = { limit: page, ...loose.query, ...(cursor !== undefined && { cursor }) };
      return (await this.#call("get", path, { ...loose, query })).data as { items: Item<P>[]; next?: string };
    });
  }

  /**
   * Yields a publication's progress whenever it changes, at most once a second, and ends after the final one. A stream that
   * is lost is opened again where it ended.
   */
  follow(publication: string, options: FollowOptions = {}): AsyncGenerator<Progress, void, undefined> {
    const path = { path: { id: publication } };
    const stream = makeRequest(this.#base, "get", "/api/v1/publications/{id}/progress/stream", { accept: "text/event-stream" }, path);
    const open = async (lastEventId: string, signal: AbortSignal) => {
      const headers = new Headers({ Accept: "text/event-stream", Authorization: `Bearer ${await this.#transport.key()}` });
      if (lastEventId !== "") headers.set("Last-Event-ID", lastEventId);
      const response = await this.#transport.fetch(stream.url, { headers, signal, redirect: "manual" });
      if (response.status === 204) return undefined;
      if (!response.ok) throw await readProblem(response, 1);
      if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new TypeError("the answer is no stream");
      return response.body;
    };
    const get = async (signal: AbortSignal | undefined) =>
      (await this.get("/api/v1/publications/{id}/progress", { ...path, ...(signal && { signal }) })).data as Progress;
    return follow({ open, get, wait: this.#transport.wait }, options);
  }

  #call(method: Method, path: string, input: LooseInput = {}): Promise<Reply> {
    const facts = factsOf(method, path);
    const request = makeRequest(this.#base, method, path, facts, input);
    const limits = { signal: input.signal, timeout: input.timeout ?? this.#timeout };
    const gone = ({ headers }: Problem): Reply => ({ status: 204, data: undefined, etag: undefined, headers });
    return send(this.#transport, request, limits, (response) => read(response, facts), gone);
  }
}

/** Reads an answer as its description says. */
async function read(response: Response, facts: Facts): Promise<Reply> {
  const { status, headers } = response;
  const etag = headers.get("ETag") ?? undefined;
  if (status === 204 || status === 304 || facts.accept === undefined) return { status, headers, etag, data: undefined };
  if (facts.accept === "application/json") return { status, headers, etag, data: await response.json() };
  return { status, headers, etag, data: await (facts.accept.startsWith("text/") ? response.text() : response.blob()) };
}
