// When a request is sent again, and after how long.
import type { Method } from "./operation.js";
import { Problem } from "./problem.js";

/** What is waited between attempts, in milliseconds. */
export interface Pace {
  /** The most that is waited before the second attempt; it doubles with each. Default: 200. */
  base: number;
  /** What it grows to. Default: 10,000. */
  most: number;
  /** The longest Retry-After that is obeyed: one that says more is thrown at once. Default: 60,000. */
  obeyed: number;
}

export const pace: Pace = { base: 200, most: 10_000, obeyed: 60_000 };

/**
 * Whether a failed attempt may be followed by another without doing anything twice. GET, PUT and DELETE may by their nature
 * (RFC 9110, 9.2.2), and what carries an Idempotency-Key. Of the others, only what was turned away by a limit was surely not
 * done.
 */
export function mayRepeat(failure: unknown, method: Method, keyed: boolean): boolean {
  const harmless = keyed || method === "get" || method === "put" || method === "delete";
  if (!(failure instanceof Problem)) return harmless;
  switch (failure.status) {
    case 429:
      return true;
    case 502:
    case 503:
    case 504:
      return harmless;
    case 409:
      // The attempt before timed out here and is still worked on there.
      return keyed && failure.code === "idempotency_in_flight";
    default:
      return false;
  }
}

/**
 * How long to wait after so many attempts, in milliseconds; undefined: too long, give up. Without a Retry-After it is
 * exponential with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that clients
 * which failed together do not come back together; with one it is that, and a little jitter.
 *
 * @param random a number from 0 to 1, exclusive
 */
export function pauseAfter(attempts: number, retryAfter: number | undefined, random: number, p: Pace = pace): number | undefined {
  if (retryAfter === undefined) return random * Math.min(p.most, p.base * 2 ** (attempts - 1));
  return retryAfter > p.obeyed ? undefined : retryAfter + random * p.base;
}

/** Retry-After (RFC 9110, 10.2.3) in milliseconds from now; undefined if there is none that can be read. */
export function readRetryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get("Retry-After")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
