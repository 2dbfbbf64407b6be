// A walk through the API with the TypeScript client: what is needed to publish, a publication, its progress, and the webhook
// that tells of it.
//
//   PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=true bin/presswork all     in one terminal, from the repository's folder
//   make client-ts && node examples/typescript/dist/publish.js  in another
//
// It may be run again: what is there already stays, and the publication is a new one each time. No mail leaves unless SMTP_URL
// names a server: without it the e-mail channel is a placeholder that logs instead of sending.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, Problem } from "@presswork/client";
import { receive, type Receiver } from "./receiver.js";

const address = process.env.PRESSWORK_API_URL ?? "http://localhost:8080";
const key = process.env.PRESSWORK_API_KEY ?? readFileSync(`${process.env.PRESSWORK_DATA_DIR ?? ".presswork"}/api-key`, "utf8").trim();
const presswork = new Client(address, key);

const readers = ["ada", "bruno", "chloe"].map((name) => ({ email: `${name}@example.org`, name, language: "en", topics: ["gardening"] }));

try {
  await main();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.error(`${error.message} (${error.code}, correlation id ${error.correlationId})`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const receiver = await receive(secret);
  try {
    const brand = await prepare();
    await told(receiver, secret, async () => publish(await write(), brand));
  } finally {
    receiver.close();
  }
}

/** Follows what is published, and waits for the webhook that tells of its end. */
async function told(receiver: Receiver, secret: string, published: () => Promise<string>): Promise<void> {
  // It is told a test first, and made only if that is answered.
  const endpoint = await presswork.post("/api/v1/webhook-endpoints", {
    body: { url: receiver.url, secret, events: ["publication.completed"], enabled: true },
  });
  try {
    const id = await published();
    for await (const progress of presswork.follow(id)) {
      console.log(progress.state, `${progress.all.sent} of ${progress.all.total} sent`);
    }
    const event = await receiver.until("publication.completed", (e) => e.data.publication === id);
    console.log("received", event.type, "with", event.data.counts?.sent, "sent");
  } finally {
    await presswork.delete("/api/v1/webhook-endpoints/{id}", { path: { id: endpoint.data.id } });
  }
}

/** Makes what publications need, unless it is there; the id of their brand comes back. */
async function prepare(): Promise<string> {
  if (!(await find(presswork.list("/api/v1/topics"), (topic) => topic.slug === "gardening"))) {
    await presswork.post("/api/v1/topics", { body: { name: "Gardening", slug: "gardening" } });
  }
  if (!(await find(presswork.list("/api/v1/channels"), (channel) => channel.kind === "email"))) {
    const url = process.env.SMTP_URL;
    await presswork.post("/api/v1/channels", {
      body: { kind: "email", name: "example-email", provider: url ? "smtp" : "placeholder", secrets: url ? { url } : {} },
    });
  }
  const lines = readers.map((r) => [r.email, r.name, r.language, r.topics, "example"].join(","));
  const imported = await presswork.post("/api/v1/subscribers/import", {
    query: { duplicates: "update" },
    body: ["email,name,language,topics,consent_source", ...lines].join("\n"),
  });
  console.log("subscribers", imported.data.created, "new,", imported.data.updated, "known");
  return brand();
}

/** What the mail appears as: it has a name, colours, a sender, and pages of its own, as in /p/subscribe?brand=garden-post. */
async function brand(): Promise<string> {
  const known = await find(presswork.list("/api/v1/brands"), (one) => one.slug === "garden-post");
  if (known) return known.id;
  const address = "1 Garden Row, Exampletown";
  const sender = (await find(presswork.list("/api/v1/senders"), (one) => one.name === "example")) ??
    (await presswork.post("/api/v1/senders", {
      body: { name: "example", from_name: "The Garden Post", from_email: "post@example.org", postal_address: address },
    })).data;
  const made = await presswork.post("/api/v1/brands", {
    body: { name: "The Garden Post", slug: "garden-post", color: "#2f6b3a", link_color: "#2f6b3a", postal_address: address, sender_id: sender.id },
  });
  return made.data.id;
}

/** The first item of a list that is looked for. Pages after it are not asked for. */
async function find<T>(list: AsyncIterable<T>, wanted: (item: T) => boolean): Promise<T | undefined> {
  for await (const item of list) if (wanted(item)) return item;
  return undefined;
}

/** Something to read; its id comes back. */
async function write(): Promise<string> {
  const content = await presswork.post("/api/v1/contents", {
    body: {
      title: "Moving a fig tree", format: "markdown", language: "en", topics: ["gardening"],
      body: "Wait until it **sleeps**. Cut the roots where the crown ends, lift, and do not look back.",
    },
  });
  return content.data.id;
}

/** Publishes. Whatever goes wrong on the way: what is sent again carries the same Idempotency-Key, and is stored once. */
async function publish(content: string, brand: string): Promise<string> {
  const answer = await presswork.post("/api/v1/publications", {
    body: {
      title: "The Garden Post", publication_type: "newsletter", channels: ["email"],
      audience: { topics: ["gardening"] }, content_ids: [content], brand_id: brand,
    },
  });
  if (answer.status !== 202) throw new Error("that was a dry run");
  console.log("accepted", answer.data.id);
  return answer.data.id;
}
