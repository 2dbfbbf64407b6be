import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Client, NoAnswer, Problem } from "../dist/index.js";
import { json, problem, signal, standIn } from "./server.js";

const id = "01985a1e-7c00-7000-8000-000000000001";

test("a call is sent as it is described", async (t) => {
  const { client, requests } = await standIn(t, (_, response) => json(response, 200, { id }, { ETag: '"3"' }));
  const answer = await client.put("/api/v1/contents/{id}", {
    path: { id: "a/b ü" },
    header: { "If-Match": '"2"' },
    body: { title: "T", format: "markdown", language: "en", body: "Ü" } as never,
  });
  assert.equal(answer.etag, '"3"');
  assert.deepEqual(answer.data, { id });
  const got = requests[0]!;
  assert.equal(`${got.method} ${got.url}`, "PUT /api/v1/contents/a%2Fb%20%C3%BC");
  assert.equal(got.headers.authorization, "Bearer the-key");
  assert.equal(got.headers["if-match"], '"2"');
  assert.equal(got.headers["content-type"], "application/json");
  assert.equal(got.headers.accept, "application/json");
  assert.equal(got.headers["idempotency-key"], undefined);
  assert.equal(JSON.parse(got.body).body, "Ü");
});

test("parameters that are not there are left out", async (t) => {
  const { client, requests } = await standIn(t, (_, response) => json(response, 200, { items: [] }));
  await client.get("/api/v1/subscribers", { query: { topic: "a&b", email: undefined as never, limit: 5 } });
  assert.equal(requests[0]!.url, "/api/v1/subscribers?topic=a%26b&limit=5");
});

test("an id cannot make another path", async (t) => {
  const { client, requests } = await standIn(t, (_, response) => json(response, 200, {}));
  for (const bad of ["", ".", "..", undefined, null]) {
    await assert.rejects(client.delete("/api/v1/topics/{id}", { path: { id: bad as string } }), TypeError);
  }
  for (const odd of ["../../x", "%2e%2e", "a?b", "a#b", "...", "\r\nX: y"]) {
    await client.get("/api/v1/topics/{id}", { path: { id: odd } });
    const path = new URL(requests.at(-1)!.url, "http://x").pathname;
    assert.equal(path, `/api/v1/topics/${encodeURIComponent(odd)}`);
  }
});

test("bodies that are not JSON go as they are", async (t) => {
  const { client, requests } = await standIn(t, (_, response) => json(response, 201, { id }));
  await client.post("/api/v1/subscribers/import", { body: "email\nada@example.org\n" });
  await client.post("/api/v1/assets", { query: { name: "a.png" }, body: new Blob(["png"], { type: "image/png" }) });
  await client.post("/api/v1/assets", { query: { name: "a.pdf" }, body: new TextEncoder().encode("pdf"), contentType: "application/pdf" });
  assert.deepEqual(requests.map((r) => [r.headers["content-type"], r.body]), [
    ["text/csv", "email\nada@example.org\n"], ["image/png", "png"], ["application/pdf", "pdf"],
  ]);
});

test("answers are read as they are described, whatever they say they are", async (t) => {
  const { client } = await standIn(t, (request, response) => {
    const gone = request.method === "DELETE";
    response.writeHead(gone ? 204 : 200, { "Content-Type": "text/plain" }).end(gone ? undefined : '{"a":1}');
  });
  assert.deepEqual((await client.get("/api/v1/topics/{id}", { path: { id } })).data, { a: 1 });
  assert.equal((await client.get("/api/v1/subscribers/export")).data, '{"a":1}');
  const file = await client.get("/api/v1/assets/{id}/content", { path: { id } });
  assert.equal(await file.data.text(), '{"a":1}');
  assert.deepEqual((await client.delete("/api/v1/topics/{id}", { path: { id } })).data, undefined);
});

test("what has not changed is not sent again", async (t) => {
  const { client, requests } = await standIn(t, (request, response) =>
    request.headers["if-none-match"] === '"2"' ? void response.writeHead(304).end() : json(response, 200, { a: 1 }, { ETag: '"2"' }));
  const first = await client.changed("/api/v1/assets/{id}/content", '"1"', { path: { id } });
  assert.equal(first?.etag, '"2"');
  assert.equal(await client.changed("/api/v1/assets/{id}/content", '"2"', { path: { id } }), undefined);
  assert.deepEqual(requests.map((r) => r.headers["if-none-match"]), ['"1"', '"2"']);
});

test("a problem says all that the API did", async (t) => {
  const errors = [{ pointer: "/title", code: "required", detail: "is missing" }];
  const { client } = await standIn(t, (_, response) => json(response, 422, { ...problem(422, "invalid_input"), detail: "Mend it.", errors, report: [1] }));
  await assert.rejects(client.post("/api/v1/topics", { body: {} as never }), (error) => {
    assert.ok(error instanceof Problem);
    assert.deepEqual([error.status, error.code, error.title, error.detail, error.correlationId, error.attempts], [422, "invalid_input", "A title", "Mend it.", "c-1", 1]);
    assert.deepEqual(error.errors, errors);
    assert.deepEqual(error.body["report"], [1]);
    assert.equal(error.message, "A title; Mend it.; /title is missing");
    return true;
  });
});

test("an error of somebody in between is a problem too", async (t) => {
  for (const [type, text] of [["text/html", "<h1>Bad gateway</h1>"], ["application/problem+json", "{"], ["application/json", "[1]"], ["application/json", "null"]]) {
    const { client } = await standIn(t, (_, response) => response.writeHead(418, { "Content-Type": type, "X-Correlation-ID": "c-2" }).end(text));
    await assert.rejects(client.get("/healthz"), (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual([error.status, error.code, error.message, error.correlationId], [418, "unknown", "HTTP status 418", "c-2"]);
      return true;
    });
  }
});

test("the key is never carried to another address", async (t) => {
  const other = await standIn(t, (_, response) => json(response, 200, {}));
  const { client } = await standIn(t, (_, response) => response.writeHead(307, { Location: other.address }).end());
  await assert.rejects(client.get("/api/v1/topics"), (error) => error instanceof Problem && error.status === 307);
  assert.equal(other.requests.length, 0);
});

test("neither errors nor the client show the key", async (t) => {
  const { client } = await standIn(t, (_, response, n) => (n === 1 ? json(response, 500, problem(500, "internal")) : void response.destroy()));
  for (const want of [Problem, NoAnswer]) {
    const error: unknown = await client.get("/readyz").catch((e: unknown) => e);
    assert.ok(error instanceof want);
    assert.doesNotMatch(inspect([error, client], { depth: 20, showHidden: true }), /the-key/);
  }
});

test("an address may have a path, and nothing after it", async (t) => {
  const { address, requests } = await standIn(t, (_, response) => json(response, 200, {}));
  await new Client(`${address}/behind/a/proxy/?x=1#y`, "k").get("/readyz");
  assert.equal(requests[0]!.url, "/behind/a/proxy/readyz");
  assert.throws(() => new Client("presswork.example.org", "k"), TypeError);
});

test("a token is asked for before every attempt", async (t) => {
  const { address, requests } = await standIn(t, (_, response, n) => (n < 3 ? json(response, 503, problem(503, "stopping")) : json(response, 200, {})));
  let asked = 0;
  const client = new Client(`${address}///`, async () => `token-${++asked}`, { wait: async () => {} });
  await client.get("/readyz");
  assert.deepEqual(requests.map((r) => r.headers.authorization), ["Bearer token-1", "Bearer token-2", "Bearer token-3"]);
});

test("an answer that does not come in time is none", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const arrived = [signal(), signal()];
  const { client } = await standIn(t, (_, __, n) => arrived[n - 1]!.fire(), { attempts: 2 });
  const call = client.get("/api/v1/topics", { timeout: 1234 });
  for (const a of arrived) {
    await a.fired;
    t.mock.timers.tick(1234);
  }
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NoAnswer && error.cause instanceof DOMException);
    assert.deepEqual([error.message, error.attempts, error.cause.name], ["GET /api/v1/topics: no answer", 2, "TimeoutError"]);
    return true;
  });
});

test("the caller's signal ends a call, and its waiting", async (t) => {
  const arrived = signal();
  const stop = new AbortController();
  const { client, requests } = await standIn(t, () => arrived.fire());
  const call = client.get("/api/v1/topics", { signal: stop.signal });
  await arrived.fired;
  stop.abort(new Error("enough"));
  await assert.rejects(call, { message: "enough" });
  await assert.rejects(client.get("/api/v1/topics", { signal: stop.signal }), { message: "enough" });
  assert.equal(requests.length, 1);

  const later = new AbortController();
  const busy = await standIn(t, (_, response) => json(response, 503, problem(503, "stopping"), { "Retry-After": "1" }), {
    wait: async (_, s) => {
      later.abort(new Error("enough of this"));
      s?.throwIfAborted();
    },
  });
  await assert.rejects(busy.client.get("/api/v1/topics", { signal: later.signal }), { message: "enough of this" });
  assert.equal(busy.requests.length, 1);
});
