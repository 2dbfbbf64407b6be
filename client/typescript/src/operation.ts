// What the generated types say of an operation: what it takes and what it answers.
import { operations } from "./generated/operations.js";
import type { paths } from "./generated/schema.js";

export type Method = "get" | "put" | "post" | "patch" | "delete";

/** The paths that have an operation of this method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never;
}[keyof paths];

/** The operation of a method and a path. */
export type Operation<M extends Method, P extends PathOf<M>> = paths[P] extends { [K in M]: infer O extends object } ? O : never;

/** What the client has to know of an operation while it runs. */
export interface Facts {
  /** The media type to ask for; none if nothing comes back. */
  readonly accept?: string;
  /** The media type of the body; none if it takes none. */
  readonly body?: string;
  /** Whether it takes an Idempotency-Key. */
  readonly keyed?: true;
  /** Of a list: how many items a page may have, and 0 if all come at once. */
  readonly page?: number;
}

/** The facts of an operation. A path that is not described, which only code without types can ask for, has none. */
export function factsOf(method: Method, path: string): Facts {
  const all: Readonly<Record<string, Facts>> = operations;
  return all[`${method} ${path}`] ?? { accept: "*/*" };
}

/** A body that is not JSON: what can be sent again if it has to be. */
export type Bytes = string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

type ContentOf<T> = T extends { content: infer C } ? C : never;
type BodyOf<C> = C extends { "application/json": infer J } ? { body: J } : { body: Bytes; contentType?: string };
type Body<O> = O extends { requestBody?: never }
  ? { body?: never }
  : O extends { requestBody: infer R }
    ? BodyOf<ContentOf<R>>
    : O extends { requestBody?: infer R }
      ? Partial<BodyOf<ContentOf<R>>>
      : never;

/** What can be told of every call. */
export interface Common {
  /** Ends the call, whatever it waits for; it is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** How long one attempt may take, in milliseconds, instead of what the client was told. */
  timeout?: number;
}

/** The parameters and the body of an operation. If-None-Match is `changed`'s. */
export type Input<O> = (O extends { parameters: infer P } ? Pick<P, keyof P & ("path" | "query")> & Header<P> : object) & Body<O> & Common;

type Header<P> = P extends { header: infer H } ? { header: Omit<H, "If-None-Match"> } : P extends { header?: infer H extends object } ? { header?: Omit<H, "If-None-Match"> } : object;

/** Input as an argument, which may be left out if nothing in it is required. */
export type Argument<I> = object extends I ? [input?: I] : [input: I];

type Data<R> = R extends { content: infer C }
  ? C extends { "application/json": infer J }
    ? J
    : keyof C extends `text/${string}`
      ? string
      : Blob
  : undefined;

/** The statuses of success: all others are thrown. */
type Success = 200 | 201 | 202 | 204 | 206 | 207;

/** What an operation answers: by its status, if there are several. */
export type Answer<O> = O extends { responses: infer R }
  ? { [S in keyof R & Success]: Reply<S, Data<R[S]>> }[keyof R & Success]
  : never;

export interface Reply<S extends number = number, D = unknown> {
  readonly status: S;
  /** JSON as it is described, a text, or a Blob. */
  readonly data: D;
  /** The version of what was answered, for If-Match. */
  readonly etag: string | undefined;
  readonly headers: Headers;
}

/** The paths of what can be asked for only if it changed. */
export type ConditionalPath = {
  [P in PathOf<"get">]: Operation<"get", P> extends { responses: { 304: unknown } } ? P : never;
}[PathOf<"get">];

/** The paths of lists. */
export type ListPath = {
  [P in PathOf<"get">]: [Page<P>] extends [never] ? never : Page<P> extends { items: readonly unknown[] } ? P : never;
}[PathOf<"get">];

type Page<P extends PathOf<"get">> = Operation<"get", P> extends { responses: { 200: infer R } } ? Data<R> : never;

/** What a list has. */
export type Item<P extends ListPath> = Page<P> extends { items: readonly (infer I)[] } ? I : never;
