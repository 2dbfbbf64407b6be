import assert from "node:assert/strict";
import { test } from "node:test";
import { NoAnswer, Problem } from "../dist/index.js";
import { mayRepeat, pauseAfter, readRetryAfter } from "../dist/retry.js";
import { wait } from "../dist/wait.js";
import { json, numbers, problem, standIn } from "./server.js";

const body = { title: "T", publication_type: "announcement", channels: ["slack"], content_ids: [] } as never;

test("only what may be repeated is", () => {
  const failure = (status: number, code = "x") => new Problem(status, new Headers(), { type: `/problems/${code}` }, 1);
  for (const status of [400, 401, 403, 404, 408, 409, 412, 413, 422, 428, 429, 500, 501, 502, 503, 504]) {
    for (const method of ["get", "put", "delete", "post", "patch"] as const) {
      for (const keyed of [false, true]) {
        const harmless = keyed || method === "get" || method === "put" || method === "delete";
        const want = status === 429 || (harmless && [502, 503, 504].includes(status));
        assert.equal(mayRepeat(failure(status), method, keyed), want, `${method} ${status} ${keyed}`);
        assert.equal(mayRepeat(new NoAnswer("x", new Error(), 1), method, keyed), harmless);
      }
    }
  }
  assert.equal(mayRepeat(failure(409, "idempotency_in_flight"), "post", true), true);
  assert.equal(mayRepeat(failure(409, "idempotency_in_flight"), "post", false), false);
});

test("pauses grow, are spread from nothing to the most, and are bounded", () => {
  const random = numbers(1);
  for (let attempts = 1; attempts < 2000; attempts++) {
    const most = Math.min(10_000, 200 * 2 ** (attempts - 1));
    const pause = pauseAfter(attempts, undefined, random())!;
    assert.ok(pause >= 0 && pause < most, `${attempts}: ${pause}`);
    assert.equal(pauseAfter(attempts, undefined, 0), 0);
    assert.equal(pauseAfter(attempts, undefined, 0.5), most / 2);
  }
  assert.equal(pauseAfter(1, 0, 0), 0);
  assert.equal(pauseAfter(1, 3000, 0.5), 3100);
  assert.equal(pauseAfter(1, 60_000, 0), 60_000);
  assert.equal(pauseAfter(1, 60_001, 0), undefined);
});

test("Retry-After is seconds or a date, and anything else is none", () => {
  const now = Date.parse("2030-01-31T09:00:00Z");
  const read = (value: string) => readRetryAfter(new Headers({ "Retry-After": value }), now);
  const table: [string, number | undefined][] = [
    ["0", 0], ["120", 120_000], [" 7 ", 7000], ["Thu, 31 Jan 2030 09:01:00 GMT", 60_000], ["Thu, 31 Jan 2030 08:00:00 GMT", 0],
    ["", undefined], ["-1", undefined], ["1.5", undefined], ["1e3", undefined], ["soon", undefined], ["2030", 2030_000], ["Thu, 99 Jan", undefined],
  ];
  for (const [value, want] of table) assert.equal(read(value), want, value);
  assert.equal(readRetryAfter(new Headers(), now), undefined);
  const random = numbers(2);
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: random() * 30 }, () => String.fromCharCode(33 + random() * 94)).join("");
    const got = read(text);
    assert.ok(got === undefined || got >= 0, text);
  }
});

test("one Idempotency-Key goes with all attempts of a call, and another with the next", async (t) => {
  const { client, requests, waits } = await standIn(t, (_, response, n) => {
    if (n === 1) return void response.destroy();
    if (n === 2) return json(response, 409, problem(409, "idempotency_in_flight"));
    if (n === 3) return json(response, 503, problem(503, "outcome_unknown"), { "Retry-After": "2" });
    json(response, 202, { id: "1" });
  });
  await client.post("/api/v1/publications", { body });
  await client.post("/api/v1/publications", { body });
  await client.post("/api/v1/publications", { body, header: { "Idempotency-Key": "mine" } });
  const keys = requests.map((r) => r.headers["idempotency-key"]);
  assert.equal(keys.length, 6);
  assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys.slice(0, 4)).size, 1);
  assert.notEqual(keys[4], keys[0]);
  assert.equal(keys[5], "mine");
  assert.equal(new Set(requests.map((r) => r.body)).size, 1);
  assert.equal(waits.length, 3);
  assert.ok(waits[2]! >= 2000 && waits[2]! < 2200, String(waits[2]));
});

test("what might be done twice is not tried twice", async (t) => {
  const { client, requests } = await standIn(t, (_, response, n) => (n === 1 ? json(response, 503, problem(503, "stopping")) : void response.destroy()));
  await assert.rejects(client.post("/api/v1/topics", { body: {} as never }), Problem);
  await assert.rejects(client.post("/api/v1/topics", { body: {} as never }), NoAnswer);
  assert.equal(requests.length, 2);
});

test("what a deletion whose answer was lost has deleted is gone, and what never was there is not found", async (t) => {
  const { client, requests } = await standIn(t, (_, response, n) => (n === 1 ? void response.destroy() : json(response, 404, problem(404, "not_found"))));
  const answer = await client.delete("/api/v1/topics/{id}", { path: { id: "1" } });
  assert.deepEqual([answer.status, answer.data], [204, undefined]);
  await assert.rejects(client.delete("/api/v1/topics/{id}", { path: { id: "1" } }), Problem);
  assert.equal(requests.length, 3);
});

test("what a limit turned away was not deleted before", async (t) => {
  const { client, requests } = await standIn(t, (_, response, n) =>
    n === 1 ? json(response, 429, problem(429, "rate_limited")) : json(response, 404, problem(404, "not_found")));
  await assert.rejects(client.delete("/api/v1/topics/{id}", { path: { id: "1" } }), (error) => error instanceof Problem && error.status === 404 && error.attempts === 2);
  assert.equal(requests.length, 2);
});

test("what a limit turned away is tried again", async (t) => {
  const { client, requests, waits } = await standIn(t, (_, response, n) =>
    n === 1 ? json(response, 429, problem(429, "rate_limited"), { "Retry-After": "1" }) : json(response, 201, { id: "1" }));
  await client.post("/api/v1/topics", { body: {} as never });
  assert.equal(requests.length, 2);
  assert.ok(waits[0]! >= 1000 && waits[0]! < 1200);
});

test("attempts are bounded, and so is what is waited", async (t) => {
  const { client, requests, waits } = await standIn(t, (_, response, n) =>
    json(response, 503, problem(503, "stopping"), n === 5 ? { "Retry-After": "3600" } : {}));
  await assert.rejects(client.get("/readyz"), (error) => error instanceof Problem && error.attempts === 4);
  assert.equal(requests.length, 4);
  assert.equal(waits.length, 3);
  await assert.rejects(client.get("/readyz"), (error) => error instanceof Problem && error.attempts === 1);
  assert.equal(requests.length, 5);
});

test("an answer that breaks off is asked for again", async (t) => {
  const { client, requests } = await standIn(t, (_, response, n) => {
    if (n > 1) return json(response, 200, { items: [] });
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" });
    response.write('{"items":', () => response.destroy());
  });
  assert.deepEqual((await client.get("/api/v1/topics")).data, { items: [] });
  assert.equal(requests.length, 2);
});

test("waiting ends with the time or with the signal, and leaves nothing behind", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const stop = new AbortController();
  const first = wait(1000, stop.signal);
  t.mock.timers.tick(1000);
  await first;
  const second = wait(1000, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(second, { message: "enough" });
  await assert.rejects(wait(1000, stop.signal), { message: "enough" });
});
