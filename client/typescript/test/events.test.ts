import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader } from "../dist/events.js";
import { numbers } from "./server.js";

const read = (reader: EventReader, ...pieces: string[]) => pieces.flatMap((piece) => [...reader.read(piece)]);
const event = (data: string, id = "", type = "message") => ({ type, data, id });

test("streams are read as HTML says", () => {
  const table: [string, string, ReturnType<typeof event>[]][] = [
    ["its first example", "data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n", [
      event("This is the first message."), event("This is the second message, it\nhas two lines."),
    ]],
    ["types", "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", [event("73857293", "", "add"), event("2153", "", "remove")]],
    ["its stock example", "data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]],
    ["ids stay, and can be taken back", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\n\nid\ndata:  third event\n\n", [
      event("first event", "1"), event("second event", "1"), event(" third event"),
    ]],
    ["empty data, and one that does not end", "data\n\ndata\ndata\n\ndata:", [event(""), event("\n")]],
    ["a blank after the colon is not part of it", "data:test\n\ndata: test\n\n", [event("test"), event("test")]],
    ["all line ends", "data: a\r\rdata: b\r\n\r\ndata: c\n\n", [event("a"), event("b"), event("c")]],
    ["a mark of the byte order", "\uFEFFdata: a\n\n", [event("a")]],
    ["no data, no event; its type is forgotten", "event: a\nid: 7\n\ndata: b\n\n", [event("b", "7")]],
    ["an id with a null is none", "id: 1\n\nid: 2\0\ndata: a\n\n", [event("a", "1")]],
    ["unknown fields", "color: red\nDATA: x\ndata: a\n\n", [event("a")]],
  ];
  for (const [name, text, want] of table) assert.deepEqual(read(new EventReader(), text + " "), want, name);
});

test("how long to wait is a number or nothing", () => {
  const reader = new EventReader();
  read(reader, "retry: soon\n");
  assert.equal(reader.retry, undefined);
  read(reader, "retry: 2000\nretry: -1\n");
  assert.equal(reader.retry, 2000);
});

test("it does not matter where a stream is cut", () => {
  const random = numbers(3);
  const parts = ["data: a", "data:", "id: 7", "event: final", ": beat", "retry: 5", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n", "ü", "\uFEFF", " "];
  for (let i = 0; i < 500; i++) {
    const text = Array.from({ length: 1 + random() * 30 }, () => parts[Math.floor(random() * parts.length)]).join("") + "\n\nx";
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const next = at + Math.floor(random() * 4);
      pieces.push(text.slice(at, next));
      at = next;
    }
    assert.deepEqual(read(new EventReader("0"), ...pieces), read(new EventReader("0"), text), JSON.stringify(text));
  }
});

test("a stream that never ends a line, or an event, does not fill the memory", () => {
  const piece = "x".repeat(1 << 16);
  for (const line of [piece, `data: ${piece}\n`]) {
    const reader = new EventReader();
    assert.throws(() => {
      for (let i = 0; i < 100; i++) read(reader, line);
    }, RangeError);
  }
});
