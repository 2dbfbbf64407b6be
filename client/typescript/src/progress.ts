import { EventReader } from "./events.js";
import type { components } from "./generated/schema.js";
import { NoAnswer, Problem } from "./problem.js";
import { mayRepeat, pauseAfter, readRetryAfter, type Pace } from "./retry.js";
import { wait } from "./wait.js";

/** How far a publication is. */
export type Progress = components["schemas"]["Progress"];

/** How a stream is followed. */
export interface FollowOptions {
  /** Ends it; the iteration is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** How often in a row a stream may be lost, without an event in between, before that is thrown. Default: 30. */
  losses?: number;
}

/** What following needs of the client. */
export interface Source {
  /** Opens the stream after an event: undefined if that was the last. */
  open(lastEventId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | undefined>;
  /** The progress of now. */
  get(signal: AbortSignal | undefined): Promise<Progress>;
  wait: typeof wait;
}

/** The server says something every 10 seconds: a stream that is silent for longer than three times that is dead. */
const silence = 30_000;

/** What is waited before the stream is opened again, unless the stream or an answer says otherwise. */
const pace: Pace = { base: 1000, most: 30_000, obeyed: 300_000 };

/** Yields the progress whenever it changes, and ends after the final one. A stream that is lost is opened again where it ended. */
export async function* follow(source: Source, options: FollowOptions): AsyncGenerator<Progress, void, undefined> {
  let id = "";
  for (let lost = 1; ; lost++) {
    const reader = new EventReader(id);
    let failure: Problem | NoAnswer;
    try {
      for await (const event of events(source, id, reader, options.signal)) {
        yield JSON.parse(event.data) as Progress;
        if (event.type === "final") return;
        id = event.id;
        lost = 1;
      }
      failure = new NoAnswer("GET progress/stream", new Error("the stream ended"), lost);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof Over) return yield* id === "" ? [await source.get(options.signal)] : [];
      if (!mayRepeat(error, "get", false)) throw error;
      failure = error instanceof Problem ? error : new NoAnswer("GET progress/stream", error, lost);
    }
    const pause = lost <= (options.losses ?? 30) ? pauseUntilNext(failure, reader.retry, lost) : undefined;
    if (pause === undefined) throw failure;
    await source.wait(pause, options.signal);
  }
}

function pauseUntilNext(failure: unknown, retry: number | undefined, lost: number): number | undefined {
  const asked = failure instanceof Problem ? readRetryAfter(failure.headers, Date.now()) : lost === 1 ? retry : undefined;
  return pauseAfter(lost, asked, Math.random(), pace);
}

/** Instead of a stream: whoever asked has had its last event. */
class Over extends Error {}

/** The events of one stream, until it ends, breaks or falls silent. */
async function* events(source: Source, id: string, reader: EventReader, signal: AbortSignal | undefined) {
  const dead = new AbortController();
  const either = signal ? AbortSignal.any([signal, dead.signal]) : dead.signal;
  try {
    const stream = await heard(source.open(id, either), dead);
    if (!stream) throw new Over();
    const chunks = stream.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await heard(chunks.read(), dead);
      if (done) return;
      yield* reader.read(decoder.decode(value, { stream: true }));
    }
  } finally {
    dead.abort(); // lets go of the connection, also when the caller stops early
  }
}

/** Waits for the other side, and gives it up when it is silent. How long the caller takes with an event does not count. */
async function heard<T>(next: Promise<T>, dead: AbortController): Promise<T> {
  const timer = setTimeout(() => dead.abort(new DOMException(`the stream was silent for ${silence} ms`, "TimeoutError")), silence);
  try {
    return await next;
  } finally {
    clearTimeout(timer);
  }
}
