/** An answer's page takes at most this many characters, so that it fits a conversation. */
const pageCharacters = 5000;

/** As many items as fit a page, from the first on; at least one. */
export function fitPage<T>(items: readonly T[]): T[] {
  let left = pageCharacters;
  const end = items.findIndex((item, at) => {
    left -= JSON.stringify(item).length;
    return at > 0 && left < 0;
  });
  return items.slice(0, end === -1 ? items.length : end);
}
