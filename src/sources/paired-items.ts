import type { JsonValue } from '../domain/json.ts';
import { redactedMark } from '../domain/redacted-mark.ts';

/** The values of an item by their paths, both as JSON. */
type Leaves = ReadonlyMap<string, string>;

/** So many pairs of items are compared in well under a second; beyond, a list counts as reordered. */
const mostCompared = 200_000;

/**
 * For each item of a list that a person gives back, the place that it had in the list as it was exported, with masked
 * values in it; undefined: nobody can tell. A wrong place would send the secret of another item.
 */
export function pairedItems(
  exported: readonly JsonValue[],
  given: readonly JsonValue[],
): readonly (number | undefined)[] {
  const [before, after] = [exported.map(leavesOf), given.map(leavesOf)];
  if (isEditedInPlace(before, after)) return after.map((_, at) => at);
  const [had, has] = [placesByRest(before), placesByRest(after)];
  return after.map((leaves) => {
    const rest = restOf(leaves);
    const [place, ...others] = had.get(rest) ?? [];
    const isCopied = (has.get(rest) ?? []).length > 1;
    return isCopied || others.length > 0 ? undefined : place;
  });
}

/** True when items were edited at most, none removed, added, copied or moved. */
function isEditedInPlace(before: readonly Leaves[], after: readonly Leaves[]): boolean {
  if (before.length !== after.length) return false;
  const changes = before.map((leaves, at) => !isSame(leaves, after[at] ?? noLeaves));
  const changed = after.flatMap((leaves, at) => (changes[at] ? [{ leaves, at }] : []));
  if (changed.length * before.length > mostCompared) return false;
  return changed.every(({ leaves, at }) => {
    const own = inCommon(before[at] ?? noLeaves, leaves);
    return before.every((other, place) => {
      if (place === at) return true;
      const shared = inCommon(other, leaves);
      // An item that has been left as it is has not become this one, unless this one is its copy.
      return shared < own || (shared === own && changes[place] === false && !isSame(other, leaves));
    });
  });
}

const noLeaves: Leaves = new Map();

/** The same item, apart from what is masked. */
const isSame = (before: Leaves, after: Leaves) =>
  [...before].every(([path, value]) => value === mark || after.get(path) === value) &&
  [...after.keys()].every((path) => before.has(path));

const inCommon = (before: Leaves, after: Leaves) =>
  [...after].filter(([path, value]) => value !== mark && before.get(path) === value).length;

function placesByRest(items: readonly Leaves[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  for (const [at, leaves] of items.entries()) {
    const rest = restOf(leaves);
    const known = places.get(rest);
    if (known === undefined) places.set(rest, [at]);
    else known.push(at);
  }
  return places;
}

/** What is not masked, as a text that does not go by the order of keys. */
const restOf = (leaves: Leaves) =>
  [...leaves]
    .filter(([, value]) => value !== mark)
    .map((leaf) => leaf.join(' '))
    .sort()
    .join('\n');

const mark = JSON.stringify(redactedMark);

/** What is nested deeper is refused as a record, whatever it holds. */
const levelsRead = 64;

function leavesOf(item: JsonValue): Leaves {
  const leaves = new Map<string, string>();
  const read = (value: JsonValue, path: readonly string[]) => {
    const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    if (path.length === levelsRead) return;
    if (inner.length === 0) leaves.set(JSON.stringify(path), JSON.stringify(value));
    for (const [key, below] of inner as [string, JsonValue][]) read(below, [...path, key]);
  };
  read(item, []);
  return leaves;
}
