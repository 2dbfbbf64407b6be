import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { NoAnswer, Problem, type Progress } from "../dist/index.js";
import { json, problem, signal, standIn } from "./server.js";

const id = "01985a1e-7c00-7000-8000-000000000008";
const progress = (state: string) => ({ state }) as Progress;

function stream(response: ServerResponse, text: string) {
  response.writeHead(200, { "Content-Type": "text/event-stream" }).write(text);
  return response;
}

const event = (n: string, state: string, type = "progress") => `id: ${n}\nevent: ${type}\ndata: ${JSON.stringify({ state })}\n\n`;

async function all(iterator: AsyncIterable<Progress>): Promise<string[]> {
  const states: string[] = [];
  for await (const p of iterator) states.push(p.state);
  return states;
}

test("a stream that is lost is opened again where it ended", async (t) => {
  const { client, requests, waits } = await standIn(t, (_, response, n) => {
    switch (n) {
      case 1: return void stream(response, `retry: 2000\n\n${event("a", "queued")}${event("b", "sending")}data: {"state":"half`).end();
      case 2: return void response.destroy();
      case 3: return json(response, 503, problem(503, "too_many_streams"), { "Retry-After": "7" });
      default: return void stream(response, `: beat\n\n${event("c", "completed", "final")}`).end();
    }
  });
  assert.deepEqual(await all(client.follow(id)), ["queued", "sending", "completed"]);
  assert.deepEqual(requests.map((r) => r.headers["last-event-id"]), [undefined, "b", "b", "b"]);
  assert.equal(requests[0]!.url, `/api/v1/publications/${id}/progress/stream`);
  assert.equal(requests[0]!.headers.authorization, "Bearer the-key");
  assert.equal(requests[0]!.headers.accept, "text/event-stream");
  assert.equal(waits.length, 3);
  assert.ok(waits[0]! >= 2000 && waits[0]! < 3000 && waits[1]! < 2000 && waits[2]! >= 7000 && waits[2]! < 8000, String(waits));
});

test("who has had the last event is told nothing more; who had none, the progress", async (t) => {
  const { client, requests } = await standIn(t, (request, response, n) => {
    if (request.url.endsWith("/progress")) return json(response, 200, progress("completed"));
    if (n === 1) return void stream(response, event("z", "completed")).end(); // the end of it was lost
    response.writeHead(204).end();
  });
  assert.deepEqual(await all(client.follow(id)), ["completed"]);
  assert.equal(requests.length, 2);
  assert.deepEqual(await all(client.follow(id)), ["completed"]);
  assert.equal(requests.length, 4);
});

test("what will not pass is thrown at once", async (t) => {
  for (const answer of [
    (response: ServerResponse) => json(response, 404, problem(404, "not_found")),
    (response: ServerResponse) => json(response, 401, problem(401, "unauthenticated")),
  ]) {
    const { client, requests } = await standIn(t, (_, response) => answer(response));
    await assert.rejects(all(client.follow(id)), Problem);
    assert.equal(requests.length, 1);
  }
  const { client, requests } = await standIn(t, () => assert.fail("it was sent"));
  assert.throws(() => client.follow(".."), TypeError);
  assert.equal(requests.length, 0);
});

test("losses in a row are bounded; an event in between starts the count anew", async (t) => {
  const { client, requests, waits } = await standIn(t, (_, response, n) => (n === 3 ? void stream(response, event("a", "sending")).end() : void response.destroy()));
  await assert.rejects(all(client.follow(id, { losses: 4 })), NoAnswer);
  assert.equal(requests.length, 2 + 1 + 4);
  assert.equal(waits.length, 6);
});

test("what is no stream of progress is given up in the end", async (t) => {
  const { client, requests } = await standIn(t, (_, response, n) =>
    n % 2 === 0 ? json(response, 200, {}) : void stream(response, "id: 1\ndata: {\n\n").end());
  await assert.rejects(all(client.follow(id, { losses: 3 })), NoAnswer);
  assert.equal(requests.length, 4);
});

test("a stream that falls silent is opened again, and a slow reader is not silence", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { client, requests } = await standIn(t, (_, response, n) => {
    if (n === 1) return void stream(response, event("a", "sending"));
    stream(response, event("b", "completed", "final")).end();
  });
  const seen = client.follow(id);
  assert.equal((await seen.next()).value?.state, "sending");
  t.mock.timers.tick(3_600_000); // the reader takes an hour
  const next = seen.next();
  await new Promise(setImmediate);
  assert.equal(requests.length, 1);
  t.mock.timers.tick(30_000);
  assert.equal((await next).value?.state, "completed");
  assert.equal((await seen.next()).done, true);
  assert.equal(requests[1]!.headers["last-event-id"], "a");
});

test("who stops early, or by a signal, lets go of the connection", async (t) => {
  const closed = [signal(), signal()];
  const { client, requests } = await standIn(t, (_, response, n) => {
    response.on("close", closed[n - 1]!.fire);
    stream(response, event("a", "sending"));
  });
  for await (const p of client.follow(id)) {
    assert.equal(p.state, "sending");
    break;
  }
  await closed[0]!.fired;
  const stop = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of client.follow(id, { signal: stop.signal })) stop.abort(new Error("enough"));
  }, { message: "enough" });
  await closed[1]!.fired;
  assert.equal(requests.length, 2);
});
