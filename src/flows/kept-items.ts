import type { JsonValue } from '../domain/json.ts';
import { jsonDigest } from './json-digest.ts';

type Results = Record<string, JsonValue>;

/** An item of a loop, and the path of its steps: `notify[3]`. */
export interface LoopItem {
  readonly place: string;
  readonly item: JsonValue;
  /** Of the loop around. */
  readonly outer: LoopItem | undefined;
}

/** Under the place of an item: what it was, and of which payload. */
const itemMark = '#item';

/** Notes which items a result that is kept belongs to. */
export function noteItems(results: Results, within: LoopItem | undefined, owner: string): void {
  for (let at = within; at !== undefined; at = at.outer) {
    results[at.place + itemMark] ??= markOf(owner, digestOf(at.item));
  }
}

/**
 * Puts what is kept of the items of a loop where they are now, when it was kept for another payload: a corrected record
 * may have other items, or in another order. What belongs to none of them is dropped. Two equal items keep their order.
 */
export function alignItems(results: Results, loop: string, items: readonly JsonValue[], owner: string): void {
  const known = keptItems(results, loop);
  if (known.every((item) => item.owner === owner)) return;
  for (const { keys } of known) for (const key of keys.keys()) delete results[key];
  const digests = items.map(digestOf);
  const moves = [...known].sort(
    (a, b) => Number(digests[b.index] === b.digest) - Number(digests[a.index] === a.digest),
  );
  const taken = new Set<number>();
  for (const { index, digest, keys } of moves) {
    const isFree = (at: number) => digests[at] === digest && !taken.has(at);
    const to = isFree(index) ? index : digests.findIndex((_, at) => isFree(at));
    if (to < 0) continue;
    taken.add(to);
    const place = `${loop}[${to}]`;
    for (const [key, value] of keys) results[place + key.slice(`${loop}[${index}]`.length)] = value;
    results[place + itemMark] = markOf(owner, digest);
  }
}

interface KeptItem {
  readonly index: number;
  readonly owner: string;
  readonly digest: string;
  /** All that is kept of it, by path. */
  readonly keys: Map<string, JsonValue>;
}

function keptItems(results: Results, loop: string): KeptItem[] {
  const found = new Map<number, KeptItem>();
  for (const [key, value] of Object.entries(results)) {
    if (!key.startsWith(`${loop}[`)) continue;
    const index = Number.parseInt(key.slice(loop.length + 1), 10);
    const mark = results[`${loop}[${index}]${itemMark}`];
    if (typeof mark !== 'string') continue;
    const [owner = '', digest = ''] = mark.split(' ');
    const item = found.get(index) ?? { index, owner, digest, keys: new Map() };
    found.set(index, item);
    item.keys.set(key, value);
  }
  return [...found.values()];
}

const markOf = (owner: string, digest: string): string => `${owner} ${digest}`;

const digestOf = (item: JsonValue): string => jsonDigest(item).slice(0, 12);
