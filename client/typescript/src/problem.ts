import type { components } from "./generated/schema.js";

/** A problem as the API writes it (RFC 9457). */
export type ProblemBody = components["schemas"]["Problem"];

/** One invalid part of a request. */
export type FieldError = components["schemas"]["FieldError"];

/** An answer that is no success. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** The HTTP status; 0 if a browser hides it, as it does of redirections. */
  readonly status: number;
  /** Which problem it is: what programs should go by. "unknown" if it was not the API that answered. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** Every invalid part of the request, by JSON pointer. */
  readonly errors: readonly FieldError[];
  /** The id under which the server's log has more. */
  readonly correlationId: string | undefined;
  readonly headers: Headers;
  /** All that the API said: some problems say more. */
  readonly body: Readonly<Partial<ProblemBody> & Record<string, unknown>>;
  /** How many attempts were made. After the first, a 412 may be the work of one whose answer was lost. */
  readonly attempts: number;

  constructor(status: number, headers: Headers, body: Partial<ProblemBody>, attempts: number) {
    const title = body.title ?? `HTTP status ${status}`;
    const errors = body.errors ?? [];
    super([title, body.detail, ...errors.slice(0, 5).map((e) => `${e.pointer ?? ""} ${e.detail ?? ""}`.trim())].filter(Boolean).join("; "));
    this.status = status;
    this.code = body.type?.split("/").at(-1) || "unknown";
    this.title = title;
    this.detail = body.detail ?? "";
    this.errors = errors;
    this.correlationId = body.correlation_id ?? headers.get("X-Correlation-ID") ?? undefined;
    this.headers = headers;
    this.body = body as Problem["body"];
    this.attempts = attempts;
  }
}

/** No answer: the API could not be reached, did not answer in time, or broke off. Its cause says which. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly attempts: number;

  constructor(what: string, cause: unknown, attempts: number) {
    super(`${what}: no answer`, { cause });
    this.attempts = attempts;
  }
}

/** readProblem makes a Problem of an answer, whoever it is from: a proxy answers in HTML. */
export async function readProblem(response: Response, attempts: number): Promise<Problem> {
  const isJSON = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const text = await response.text();
  let body: unknown;
  try {
    body = isJSON ? JSON.parse(text) : undefined;
  } catch {
    body = undefined;
  }
  return new Problem(response.status, response.headers, isObject(body) ? body : {}, attempts);
}

function isObject(value: unknown): value is Partial<ProblemBody> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
