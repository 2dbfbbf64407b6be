import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { VerificationError, verify, type WebhookEvent, type WebhookEventType, type WebhookHeaders } from "../dist/index.js";
import { describedEvents } from "./description.js";
import { numbers } from "./server.js";

const at = Date.parse("2030-01-31T09:00:00Z");
const now = () => at;
const older = "whsec_b2xkZXIgc2VjcmV0IHRoYW4gdGhhdA==";
const newest = "whsec_bmV3ZXN0IHNlY3JldCBvZiBhbGw=";
const body = '{"type":"publication.published","timestamp":"2030-01-31T09:00:00Z","data":{"id":"1","title":"Zwölf","items":[]}}';

/** Headers as the public library of Standard Webhooks makes them. */
function signed(secrets: string[], text = body, time = at, id = "1/webhook/6") {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(time / 1000)),
    "webhook-signature": secrets.map((s) => new Webhook(s).sign(id, new Date(time), text)).join(" "),
  };
}

const refuses = (headers: WebhookHeaders, secrets: string | string[] = newest, text: string | Uint8Array = body, tolerance = 300) =>
  assert.rejects(verify(text, headers, secrets, { now, tolerance }), VerificationError);

test("what the public library signs is believed, with any of several secrets", async () => {
  for (const [signers, secrets] of [
    [[newest], newest], [[newest, older], newest], [[newest, older], older], [[older], [newest, older]], [[newest, older], [older]],
    [[newest], newest.replace("whsec_", "")],
  ] as [string[], string | string[]][]) {
    const event = await verify(body, signed(signers), secrets, { now });
    assert.equal(event.type, "publication.published");
    assert.deepEqual(event, JSON.parse(body));
  }
});

// Every event has the type that it is described under: this compiles only if so.
export const everyEventIsTyped: [WebhookEvent["type"], WebhookEventType] extends [WebhookEventType, WebhookEvent["type"]] ? true : never = true;

test("every event of the description is believed and told by its type", async (t) => {
  const events = describedEvents();
  assert.ok(events.length >= 30, String(events.length));
  for (const { type, example } of events) {
    const text = JSON.stringify(example);
    const event = await verify(text, signed([newest], text), newest, { now });
    assert.equal(event.type, type);
    assert.deepEqual(event, example);
  }
  t.diagnostic(`${events.length} events verified`);
});

test("the example of the specification's authors is believed", async () => {
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const event: unknown = await verify('{"test": 2432232314}', headers, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", { now: () => 1614265330_000 });
  assert.deepEqual(event, { test: 2432232314 });
});

test("bytes and headers may come in all their forms", async () => {
  const headers = signed([newest]);
  const bytes = new TextEncoder().encode(body);
  const caps = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
  for (const form of [headers, new Headers(headers), caps, { ...headers, host: "x", cookie: undefined, "set-cookie": ["a", "b"] }]) {
    await verify(bytes, form, newest, { now });
    await verify(Buffer.from(bytes), form, newest, { now });
  }
});

test("whatever is changed, nothing is believed", async () => {
  const headers = signed([newest]);
  await refuses(headers, older);
  await refuses(headers, []);
  await refuses(headers, newest, body.replace("Zwölf", "Elf"));
  await refuses(headers, newest, body + " ");
  await refuses({ ...headers, "webhook-id": "1/webhook/7" });
  await refuses({ ...headers, "webhook-timestamp": String(at / 1000 + 1) });
  for (const name of Object.keys(headers)) {
    await refuses({ ...headers, [name]: undefined });
    await refuses({ ...headers, [name]: "" });
    await refuses({ ...headers, [name]: [headers["webhook-id"], headers["webhook-id"]] });
    await refuses({ ...headers, [name.toUpperCase()]: headers["webhook-id"] });
  }
  const mac = headers["webhook-signature"].slice(3);
  for (const signature of [mac, `v1a,${mac}`, `v2,${mac}`, `v1,${mac.slice(0, 20)}`, "v1,", "v1,%%%", `v1,${mac}AAAA`, " ", "v1", `V1,${mac}`]) {
    await refuses({ ...headers, "webhook-signature": signature });
  }
});

test("one changed bit of a signature is enough", async () => {
  const headers = signed([newest]);
  const mac = Buffer.from(headers["webhook-signature"].slice(3), "base64");
  for (let bit = 0; bit < mac.length * 8; bit++) {
    const changed = Buffer.from(mac);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    await refuses({ ...headers, "webhook-signature": `v1,${changed.toString("base64")}` });
  }
});

test("what others add before the signature does not hide it, unless it is without end", async () => {
  const headers = signed([newest]);
  const noise = (n: number) => ({ ...headers, "webhook-signature": `${"v1,AAAA ".repeat(n)}v1a,x ${headers["webhook-signature"]}` });
  await verify(body, noise(15), newest, { now });
  await refuses(noise(16));
  await refuses(noise(100_000));
});

test("a message is believed for as long as it was told", async () => {
  for (const [away, tolerance, believed] of [[0, 0, true], [300, 300, true], [301, 300, false], [-300, 300, true], [-301, 300, false], [1, 0, false], [600, 900, true]] as const) {
    const headers = signed([newest], body, at + away * 1000);
    if (believed) await verify(body, headers, newest, { now, tolerance });
    else await refuses(headers, newest, body, tolerance);
  }
  for (const time of ["", "soon", "-1", "1e3", "0x10", " 1896080400", "1896080400.5", "9".repeat(30), "NaN"]) {
    await refuses({ ...signed([newest]), "webhook-timestamp": time });
  }
  await refuses(signed([newest]), newest, body, NaN);
});

test("a secret that is none is the caller's mistake, and is not shown", async () => {
  for (const secret of ["whsec_", "", "whsec_not base64 at all!", "whsec_ü"]) {
    await assert.rejects(verify(body, signed([newest]), [newest, secret], { now }), (error) => error instanceof TypeError && (secret.length < 7 || !error.message.includes(secret)));
  }
});

test("a body that was signed and is no JSON is not taken for an event", async () => {
  await assert.rejects(verify("{", signed([newest], "{"), newest, { now }), SyntaxError);
});

test("headers of any characters are refused, not stumbled over", async () => {
  const random = numbers(4);
  for (let i = 0; i < 1000; i++) {
    const text = () => Array.from({ length: random() * 40 }, () => String.fromCharCode(random() < 0.8 ? 32 + random() * 95 : random() * 65536)).join("");
    await refuses({ "webhook-id": text(), "webhook-timestamp": random() < 0.5 ? String(at / 1000) : text(), "webhook-signature": `v1,${text()} ${text()}` });
  }
});
