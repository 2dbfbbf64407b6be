import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type EventOf, VerificationError, verify, type WebhookEvent, type WebhookEventType } from "@presswork/client";

/** A place that webhooks are sent to. */
export interface Receiver {
  readonly url: string;
  /** Waits for the event of a type that is looked for: others may come before. */
  until<T extends WebhookEventType>(type: T, wanted: (event: EventOf<T>) => boolean): Promise<EventOf<T>>;
  close(): void;
}

/** Listens for webhooks on this machine, and believes those that are signed with the secret. */
export async function receive(secret: string): Promise<Receiver> {
  const events: WebhookEvent[] = [];
  const arrived = new EventEmitter();
  const server = createServer((request, response) => {
    read(request)
      .then((body) => verify(body, request.headers, secret))
      .then(
        (event) => {
          response.writeHead(204).end(); // soon: what takes long comes after the answer
          events.push(event);
          arrived.emit("event");
        },
        (error) => response.writeHead(error instanceof VerificationError ? 401 : 500).end(),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/presswork`,
    async until<T extends WebhookEventType>(type: T, wanted: (event: EventOf<T>) => boolean) {
      for (;;) {
        const event = events.find((e) => e.type === type && wanted(e as EventOf<T>));
        if (event) return event as EventOf<T>;
        await once(arrived, "event");
      }
    },
    close: () => server.close().closeAllConnections(),
  };
}

/** The bytes of a request, as they were signed. */
async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
