// What must and what must not compile. Nothing here is run.
import type { Client, Item, WebhookEvent } from "../dist/index.js";

export async function types(client: Client, event: WebhookEvent) {
  const path = { id: "1" };
  const publication = await client.get("/api/v1/publications/{id}", { path });
  const state: "draft" | "completed" | undefined = publication.data.state === "completed" ? publication.data.state : undefined;
  void state;

  const accepted = await client.post("/api/v1/publications", {
    body: { title: "T", publication_type: "digest", channels: ["slack"], content_ids: ["1"] },
  });
  if (accepted.status === 202) accepted.data.id.trim();
  else accepted.data.dry_run satisfies true;

  for await (const subscriber of client.list("/api/v1/subscribers", { query: { topic: "news" } })) subscriber.id.trim();
  for await (const progress of client.follow("1")) progress.all.sent.toFixed();
  const topic: Item<"/api/v1/topics"> = { id: "1", name: "N", slug: "n" } as never;
  topic.slug.trim();
  (await client.get("/api/v1/subscribers/export")).data.trim();
  const file = await client.get("/api/v1/assets/{id}/content", { path });
  await file.data.arrayBuffer();
  if (event.type === "publication.published") event.data.items[0]?.title.trim();
  if (event.type === "publication.completed") event.data.counts?.sent.toFixed();
  if (event.type === "delivery.bounced") event.data.attempts.toFixed();
  // @ts-expect-error no such event
  if (event.type === "publication.forgotten") return;
  // @ts-expect-error data of other events
  if (event.type === "channel.enabled") event.data.counts;

  // @ts-expect-error no such path
  await client.get("/api/v1/nothing");
  // @ts-expect-error no such method of the path
  await client.put("/api/v1/publications");
  // @ts-expect-error the id is missing
  await client.get("/api/v1/publications/{id}");
  // @ts-expect-error the id is no number
  await client.get("/api/v1/publications/{id}", { path: { id: 1 } });
  // @ts-expect-error the body is missing
  await client.post("/api/v1/publications");
  // @ts-expect-error the title is missing
  await client.post("/api/v1/publications", { body: { publication_type: "digest", channels: ["slack"], content_ids: ["1"] } });
  // @ts-expect-error no such channel
  await client.post("/api/v1/publications", { body: { title: "T", publication_type: "digest", channels: ["fax"], content_ids: ["1"] } });
  // @ts-expect-error no such filter
  await client.get("/api/v1/topics", { query: { colour: "red" } });
  // @ts-expect-error that is what changed is for
  await client.get("/api/v1/assets/{id}/content", { path, header: { "If-None-Match": '"1"' } });
  // @ts-expect-error not a list
  client.list("/api/v1/publications/{id}", { path });
  // @ts-expect-error deletions answer nothing
  (await client.delete("/api/v1/topics/{id}", { path })).data.id;
}
