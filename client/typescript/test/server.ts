import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Client, type Options } from "../dist/index.js";

/** A request as the stand-in got it. */
export interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Handler = (request: Got, response: ServerResponse, n: number) => void;

/** A stand-in for the API on a socket of its own, and a client of it that waits for nothing. */
export async function standIn(t: TestContext, handle: Handler, options: Options = {}) {
  const requests: Got[] = [];
  const waits: number[] = [];
  const server = createServer((request, response) => {
    void whole(request).then((got) => {
      requests.push(got);
      handle(got, response, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const wait = async (milliseconds: number, signal?: AbortSignal) => {
    waits.push(milliseconds);
    signal?.throwIfAborted();
  };
  return { address, requests, waits, client: new Client(address, "the-key", { wait, ...options }) };
}

async function whole(request: IncomingMessage): Promise<Got> {
  let body = "";
  request.setEncoding("utf8");
  for await (const chunk of request) body += chunk;
  return { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
}

/** Answers with JSON. */
export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json", ...headers });
  response.end(JSON.stringify(body));
}

/** A problem as the API writes it. */
export function problem(status: number, code: string) {
  return { type: `/problems/${code}`, title: "A title", status, instance: "/", correlation_id: "c-1" };
}

/** A promise and what fulfils it: for the moment when something happens. */
export function signal<T = void>() {
  let fire!: (value: T) => void;
  const fired = new Promise<T>((resolve) => (fire = resolve));
  return { fire, fired };
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
