import type { Request } from "./request.js";
import { NoAnswer, Problem, readProblem } from "./problem.js";
import { mayRepeat, pauseAfter, readRetryAfter } from "./retry.js";
import { wait } from "./wait.js";

/** How requests are sent. */
export interface Transport {
  readonly fetch: typeof fetch;
  /** The credential, asked for before every attempt. */
  readonly key: () => string | Promise<string>;
  /** How many attempts are made at most. */
  readonly attempts: number;
  readonly wait: typeof wait;
}

/**
 * Sends a request, again if it fails and may be repeated, and reads the answer. A deletion that finds nothing, after an attempt
 * that may have been carried out, has succeeded: gone is its answer.
 */
export async function send<T>(
  t: Transport, r: Request, limits: Limits, read: (response: Response) => Promise<T>, gone: (failure: Problem) => T,
): Promise<T> {
  let doubtful = false;
  for (let n = 1; ; n++) {
    try {
      return await attempt(t, r, n, limits, read);
    } catch (failure) {
      if (doubtful && r.method === "delete" && failure instanceof Problem && failure.status === 404) return gone(failure);
      doubtful ||= !(failure instanceof Problem && failure.status === 429); // what a limit turned away was not done
      const pause = n < t.attempts ? pauseBefore(failure, r, n) : undefined;
      if (pause === undefined) throw failure;
      await t.wait(pause, limits.signal);
    }
  }
}

/** How long to wait until the next attempt; undefined: there is none. */
function pauseBefore(failure: unknown, r: Request, n: number): number | undefined {
  if (!(failure instanceof Problem || failure instanceof NoAnswer) || !mayRepeat(failure, r.method, r.keyed)) return undefined;
  const retryAfter = failure instanceof Problem ? readRetryAfter(failure.headers, Date.now()) : undefined;
  return pauseAfter(n, retryAfter, Math.random());
}

export interface Limits {
  readonly signal: AbortSignal | undefined;
  /** Of one attempt, with the reading of its answer, in milliseconds. */
  readonly timeout: number;
}

async function attempt<T>(t: Transport, r: Request, n: number, limits: Limits, read: (response: Response) => Promise<T>): Promise<T> {
  const headers = new Headers(r.headers);
  headers.set("Authorization", `Bearer ${await t.key()}`);
  limits.signal?.throwIfAborted();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException(`no answer within ${limits.timeout} ms`, "TimeoutError")), limits.timeout);
  const signal = limits.signal ? AbortSignal.any([limits.signal, late.signal]) : late.signal;
  try {
    // The API redirects nobody who shows a key: one is never carried to another address.
    const response = await t.fetch(r.url, { method: r.method.toUpperCase(), headers, body: r.body ?? null, signal, redirect: "manual" });
    const unchanged = response.status === 304 && headers.has("If-None-Match");
    if (!response.ok && !unchanged) throw await readProblem(response, n);
    return await read(response);
  } catch (failure) {
    if (failure instanceof Problem) throw failure;
    limits.signal?.throwIfAborted();
    throw new NoAnswer(`${r.method.toUpperCase()} ${r.path}`, late.signal.aborted ? late.signal.reason : failure, n);
  } finally {
    clearTimeout(timer);
  }
}
