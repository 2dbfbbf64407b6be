import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, ListPath, Method, PathOf } from "../dist/index.js";
import { operations } from "../dist/generated/operations.js";
import { type Described, describedOperations, exampleOf, resolve } from "./description.js";
import { json, standIn } from "./server.js";

// The types and the table know the same operations, and the same lists: this compiles only if so.
type Same<A, B> = [A, B] extends [B, A] ? true : never;
type Typed = { [M in Method]: `${M} ${PathOf<M>}` }[Method];
type Lists = { [K in keyof typeof operations]: (typeof operations)[K] extends { page: number } ? K : never }[keyof typeof operations];
export const everyOperationIsTyped: Same<Typed, keyof typeof operations> = true;
export const everyListIsTyped: Same<`get ${ListPath}`, Lists> = true;

const described = describedOperations();
const name = (o: Described) => `${o.method} ${o.path}`;
type Loose = { call(method: string, path: string, input: unknown): Promise<{ status: number; data: unknown }>; list(path: string, input?: unknown): AsyncIterable<unknown> };
const loose = (client: Client) => client as unknown as Loose;

/** The parameters that an operation requires, with the values of their examples. */
function required(o: Described) {
  const input: Record<string, Record<string, unknown>> = { path: {}, query: {}, header: {} };
  for (const p of o.parameters.filter((p) => p.required)) {
    input[p.in]![p.name] = p.example ?? p.schema.examples?.[0] ?? p.schema.enum?.[0] ?? assert.fail(`${name(o)}: ${p.name} has no example`);
  }
  return input;
}

test("every operation of the description is in the types and in the table", () => {
  assert.ok(described.length >= 90, String(described.length));
  assert.deepEqual(Object.keys(operations).sort(), described.map(name).sort());
});

test("every operation can be called with its example, and its example answer is read", async (t) => {
  let answer: { status: number; type: string | undefined; body: string } = { status: 200, type: undefined, body: "" };
  const { client, requests } = await standIn(t, (_, response) => {
    response.writeHead(answer.status, answer.type ? { "Content-Type": answer.type } : {}).end(answer.body);
  });
  let calls = 0;
  for (const o of described) {
    const [status, reply] = Object.entries(o.responses).find(([s]) => /^2\d\d$/.test(s)) ?? ["302", {}];
    if (status === "302") continue; // of readers, not of clients
    const types = Object.keys(reply.content ?? {});
    const type = types.includes("application/json") ? "application/json" : types[0];
    const example = type && (exampleOf(reply.content![type]) ?? exampleOf(reply.content![type]!.schema as never) ?? {});
    answer = { status: Number(status), type: type === "*/*" ? "image/png" : type, body: type === "application/json" ? JSON.stringify(example) : typeof example === "string" ? example : "" };

    const sent = o.requestBody && Object.entries(o.requestBody.content)[0]!;
    const body = sent && (exampleOf(sent[1]) ?? assert.fail(`${name(o)}: its body has no example`));
    const input = required(o);
    const got = await loose(client).call(o.method, o.path, { ...input, ...(sent && { body }) });

    const request = requests.at(-1)!;
    const path = o.path.replace(/\{(\w+)\}/g, (_, p: string) => encodeURIComponent(String(input.path![p])));
    assert.equal(`${request.method} ${new URL(request.url, "http://x").pathname}`, `${o.method.toUpperCase()} ${path}`);
    for (const [parameter, value] of Object.entries(input.query!)) assert.equal(new URL(request.url, "http://x").searchParams.get(parameter), String(value));
    for (const [parameter, value] of Object.entries(input.header!)) assert.equal(request.headers[parameter.toLowerCase()], String(value));
    if (sent?.[0] === "application/json") assert.deepEqual(JSON.parse(request.body), body);
    else if (sent) assert.equal(request.body, body);
    assert.equal(got.status, Number(status));
    if (type === "application/json") assert.deepEqual(got.data, example, name(o));
    const takesKey = o.parameters.some((p) => p.name === "Idempotency-Key");
    assert.equal(request.headers["idempotency-key"] !== undefined, takesKey, name(o));
    calls++;
  }
  assert.equal(calls, requests.length);
  t.diagnostic(`${calls} operations called`);
});

test("every list is iterated to its end, page by page, with its filters", async (t) => {
  const lists = described.filter((o) => {
    const schema = resolve(o.responses["200"]?.content?.["application/json"]?.schema) as { properties?: { items?: { type?: string } } } | undefined;
    return o.method === "get" && schema?.properties?.items?.type === "array";
  });
  assert.ok(lists.length >= 18, String(lists.length));
  for (const list of lists) {
    const paged = list.parameters.some((p) => p.name === "cursor");
    const pages: Record<string, unknown> = { "": { items: [1, 2], ...(paged && { next: "c/1" }) }, "c/1": { items: [], next: "c2" }, c2: { items: [3] } };
    const { client, requests } = await standIn(t, (request, response) => {
      json(response, 200, pages[new URL(request.url, "http://x").searchParams.get("cursor") ?? ""]);
    });
    const input = required(list);
    const filter = list.parameters.find((p) => p.in === "query" && !["limit", "cursor"].includes(p.name));
    if (filter) input.query![filter.name] = "value";
    const seen: unknown[] = [];
    for await (const item of loose(client).list(list.path, input)) seen.push(item);
    assert.deepEqual(seen, paged ? [1, 2, 3] : [1, 2], name(list));
    assert.equal(requests.length, paged ? 3 : 1);
    for (const { url } of requests) {
      const query = new URL(url, "http://x").searchParams;
      assert.equal(query.get("limit"), paged ? "200" : null, url); // a list refuses parameters that it does not know
      if (filter) assert.equal(query.get(filter.name), "value");
    }
  }
  t.diagnostic(`${lists.length} lists iterated`);
});

test("a list is asked for no more than is used, and cannot go in circles", async (t) => {
  const { client, requests } = await standIn(t, (request, response) => json(response, 200, { items: [request.url], next: "again" }));
  for await (const item of client.list("/api/v1/topics", { query: { limit: 7, cursor: "here" } })) {
    assert.equal(item, "/api/v1/topics?limit=7&cursor=here");
    break;
  }
  assert.equal(requests.length, 1);
  await assert.rejects(async () => {
    for await (const _ of client.list("/api/v1/topics"));
  }, /does not go on/);
  assert.equal(requests.length, 3);
});
