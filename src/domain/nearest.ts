/** Names a caller brings along may be any number; advice is not worth looking at more of them. */
const candidatesAtMost = 2000;

/** The candidate closest to `name` by edit distance, if one is close enough to be a slip of the keyboard. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase().slice(0, 100);
  let best: string | undefined;
  let bestDistance = mostSlips(wanted.length) + 1;
  let left = candidatesAtMost;
  for (const candidate of candidates) {
    if (left-- === 0) break;
    const distance = editDistance(wanted, candidate.toLowerCase().slice(0, 100), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Two slips make any short word out of another. */
const mostSlips = (length: number) => (length <= 4 ? 1 : Math.max(2, Math.floor(length / 3)));

/**
 * Edits that make one text the other, two neighbours that changed places counting as one; gives up once it
 * cannot get below `limit`.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let above: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const [over = limit, across = limit, left = limit] = [
        previous[column],
        previous[column - 1],
        current[column - 1],
      ];
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      const swapped = isSwap(a, row, b, column) ? (above[column - 2] ?? limit) + 1 : limit;
      current.push(Math.min(over + 1, left + 1, across + cost, swapped));
    }
    if (Math.min(...current) >= limit) return limit;
    [above, previous] = [previous, current];
  }
  return previous[b.length] ?? limit;
}

function isSwap(a: string, row: number, b: string, column: number): boolean {
  return row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
}
