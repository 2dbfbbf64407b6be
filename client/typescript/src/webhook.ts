// Webhooks are signed as Standard Webhooks says:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import type { webhooks } from "./generated/schema.js";

type BodyOf<W> = W extends { post: { requestBody?: { content: infer C } } } ? C[keyof C] : never;

/** The types of events there are. More will come: who switches on the type has to have an answer for others. */
export type WebhookEventType = keyof webhooks;

/** An event of a type. */
export type EventOf<N extends WebhookEventType> = BodyOf<webhooks[N]> & { type: N };

/** What Presswork sends: which event it is, is told by its type. */
export type WebhookEvent = { [N in WebhookEventType]: EventOf<N> }[WebhookEventType];

/** Headers as fetch has them, or as Node's http has them: with small letters. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** How a message is verified. */
export interface VerifyOptions {
  /** How far the message's time may be from now, in seconds, so that nobody sends an old one again. Default: 300. */
  tolerance?: number;
  /** The time of now, in milliseconds, for tests. */
  now?: () => number;
}

/** A message that must not be believed, and why. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
}

/** A message signs with each secret of its sender: there are rarely more than two. What somebody else adds is not tried for ever. */
const mostSignatures = 16;

/**
 * Verifies a message and reads it. It throws a VerificationError if the message is not signed with one of the secrets, or too
 * old. The same message may come more than once: tell repetitions by the header Webhook-Id.
 *
 * @param body the bytes as they came: JSON that was read and written again is other bytes
 * @param secrets one or more "whsec_…": while one is replaced, both
 */
export async function verify(
  body: string | Uint8Array, headers: WebhookHeaders, secrets: string | readonly string[], options: VerifyOptions = {},
): Promise<WebhookEvent> {
  const id = one(headers, "webhook-id");
  const timestamp = one(headers, "webhook-timestamp");
  const signatures = one(headers, "webhook-signature");
  if (!/^\d{1,12}$/.test(timestamp)) throw new VerificationError("Webhook-Timestamp is no time");
  const away = Math.abs((options.now ?? Date.now)() / 1000 - Number(timestamp));
  if (!(away <= (options.tolerance ?? 300))) throw new VerificationError("the message is too old, or of the future");

  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = join(new TextEncoder().encode(`${id}.${timestamp}.`), bytes);
  const keys = await Promise.all((typeof secrets === "string" ? [secrets] : secrets).map(importSecret));
  const given = signatures.split(" ").filter((s) => s.startsWith("v1,")).slice(0, mostSignatures).map((s) => decode(s.slice(3)));
  // Every pair is tried, whatever the others say, and comparing is Web Crypto's, which takes the same time for all.
  const matches = await Promise.all(keys.flatMap((key) => given.map((mac) => mac && crypto.subtle.verify("HMAC", key, mac, signed))));
  if (!matches.includes(true)) throw new VerificationError("no signature is of a secret that is known");
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as WebhookEvent;
}

function one(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : find(headers, name);
  if (typeof value !== "string" || value === "") throw new VerificationError(`there is no ${name}, or more than one`);
  return value;
}

function find(headers: Readonly<Record<string, string | readonly string[] | undefined>>, name: string) {
  const values = Object.entries(headers).filter(([n, value]) => n.toLowerCase() === name && value !== undefined).flatMap(([, value]) => value);
  return values.length === 1 ? values[0] : undefined;
}

function importSecret(secret: string): Promise<CryptoKey> {
  const raw = decode(secret.replace(/^whsec_/, ""));
  if (!raw || raw.length === 0) throw new TypeError("a signing secret is not base64"); // its text is not for a log
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/** The bytes of base64; undefined if it is none. */
function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
