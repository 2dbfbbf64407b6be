// Server-sent events, as the WHATWG's HTML says how to read them: https://html.spec.whatwg.org/multipage/server-sent-events.html

/** One event of a stream. */
export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
  /** The last id that the stream has told. */
  readonly id: string;
}

/** The longest line and the most data of an event that are read: a stream that never ends a line does not fill the memory. */
const longest = 1 << 20;

/** Reads a stream of events, in pieces of any size. */
export class EventReader {
  /** What the stream asks to wait before coming back, in milliseconds; undefined if it did not. */
  retry: number | undefined;
  #rest = "";
  #data: string[] = [];
  #size = 0;
  #type = "";
  #id: string;
  #begun = false;

  /** @param id the last id of the stream before this one */
  constructor(id = "") {
    this.#id = id;
  }

  /** The events that end in this piece. */
  *read(piece: string): Generator<ServerSentEvent> {
    let text = this.#rest + piece;
    if (!this.#begun && text !== "") {
      this.#begun = true;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    const ends = /\r\n|\n|\r/g;
    let from = 0;
    for (let end = ends.exec(text); end; end = ends.exec(text)) {
      if (end[0] === "\r" && ends.lastIndex === text.length) break; // a \n may follow
      const event = this.#line(text.slice(from, end.index));
      from = ends.lastIndex;
      if (event) yield event;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length > longest) throw new RangeError(`a line of the stream is longer than ${longest}`);
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    switch (name) {
      case "data":
        this.#size += value.length + 1;
        if (this.#size > longest) throw new RangeError(`an event of the stream is longer than ${longest}`);
        this.#data.push(value);
        break;
      case "event":
        this.#type = value;
        break;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        break;
      case "retry":
        if (/^\d+$/.test(value)) this.retry = Number(value);
        break;
    }
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.#id };
    const empty = this.#data.length === 0;
    this.#data = [];
    this.#size = 0;
    this.#type = "";
    return empty ? undefined : event;
  }
}
