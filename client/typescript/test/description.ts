import { readFileSync } from "node:fs";
import type { Method } from "../dist/index.js";

interface Media {
  readonly schema?: { readonly $ref?: string };
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly example?: unknown;
  readonly schema: { readonly examples?: readonly unknown[]; readonly enum?: readonly unknown[] };
}

interface Reply {
  readonly content?: Readonly<Record<string, Media>>;
}

type Operation = Omit<Described, "method" | "path">;

/** One operation of the API's description, with its references put in. */
export interface Described {
  readonly method: Method;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody: { readonly required?: boolean; readonly content: Readonly<Record<string, Media>> } | undefined;
  readonly responses: Readonly<Record<string, Reply>>;
}

const document: unknown = JSON.parse(readFileSync(new URL("../../../internal/httpapi/openapi/openapi.json", import.meta.url), "utf8"));

/** What a reference, if it is one, refers to. */
export function resolve<T>(value: T): T {
  const reference = (value as { $ref?: string } | undefined)?.$ref;
  if (reference === undefined) return value;
  return resolve(reference.slice(2).split("/").reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document) as T);
}

/** Every operation, read from the description by other code than the generator's. */
export function describedOperations(): Described[] {
  const { paths } = document as { paths: Record<string, Record<string, Partial<Operation>>> };
  return Object.entries(paths).flatMap(([path, item]) => {
    const common = (item as Partial<Operation>).parameters ?? [];
    return Object.entries(item).filter(([method]) => /^(get|put|post|patch|delete)$/.test(method)).map(([method, operation]) => ({
      method: method as Method,
      path,
      parameters: [...common, ...(operation.parameters ?? [])].map(resolve),
      requestBody: resolve(operation.requestBody),
      responses: Object.fromEntries(Object.entries(operation.responses ?? {}).map(([status, reply]) => [status, resolve(reply)])),
    }));
  });
}

/** The events of the description, each with the example of its body. */
export function describedEvents(): { type: string; example: unknown }[] {
  const { webhooks } = document as { webhooks: Record<string, { post: Operation }> };
  return Object.entries(webhooks).map(([type, { post }]) => ({ type, example: exampleOf(Object.values(resolve(post.requestBody)?.content ?? {})[0]) }));
}

/** The example of a body. */
export function exampleOf(media: Media | undefined): unknown {
  return media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
}
