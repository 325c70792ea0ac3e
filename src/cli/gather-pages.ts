/** A page of an answer, which holds fewer items than were asked for when they are too long for a conversation. */
interface Page {
  readonly next_cursor?: string | undefined;
  readonly next_step?: string;
}

/** Asks for page after page until the list has `limit` items or there are no more: a terminal has room for them. */
export async function gatherPages<Output>(
  list: keyof Output,
  limit: number,
  ask: (rest: { readonly limit?: number; readonly cursor?: string }) => Promise<Output>,
): Promise<Output> {
  const first = await ask({});
  const items = [...itemsOf(first, list)];
  let last = first;
  for (;;) {
    const { next_cursor, next_step } = last as Page;
    if (next_cursor === undefined || items.length >= limit) {
      return { ...first, [list]: items, next_cursor, next_step };
    }
    last = await ask({ limit: limit - items.length, cursor: next_cursor });
    items.push(...itemsOf(last, list));
  }
}

const itemsOf = <Output>(page: Output, list: keyof Output) => page[list] as readonly unknown[];
