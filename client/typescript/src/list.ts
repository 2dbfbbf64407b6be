interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
}

/** Every item of a list, page by page: the next page is asked for when the items of the one before are used up. */
export async function* items<T>(get: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  for (;;) {
    const page: Page<T> = await get(cursor);
    yield* page.items;
    if (!page.next) return;
    if (page.next === cursor) throw new Error("the list does not go on: a page names itself as the next");
    cursor = page.next;
  }
}
