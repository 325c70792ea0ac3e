import { JsonMembers, type ValueKind } from './json-members.ts';
import type { JsonNesting } from './json-nesting.ts';

/** Finds the beginning of an array in a JSON document that comes in blocks. */
export class JsonArrayStart {
  private readonly members = new JsonMembers();
  private readonly wanted: readonly string[];
  /** Something that is not an array, or no object to look further in, is where the path leads. */
  otherFound = false;

  /** `wanted` are the names of the members that lead to the array; none: the document is the array. */
  constructor(wanted: readonly string[]) {
    this.wanted = wanted;
  }

  /** Inside the array, once it is found. */
  get nesting(): JsonNesting {
    return this.members.nesting;
  }

  /** The index after the array's bracket; undefined: it is not in this block, or cannot be found at all. */
  findIn(block: Buffer): number | undefined {
    for (let index = 0; index < block.length; index++) {
      const kind = this.members.take(block[index] ?? 0);
      if (kind === undefined || !this.leadsTo(kind)) continue;
      this.otherFound ||= kind !== 'array';
      return this.otherFound ? undefined : index + 1;
    }
    return undefined;
  }

  /** The value is what the path leads to, or something on the way that the path cannot go on from. */
  private leadsTo(kind: ValueKind): boolean {
    // The depth is looked at first, so that a deep document does not cost a path for each of its values.
    const length = this.nesting.depth - (kind === 'scalar' ? 0 : 1);
    if (length > this.wanted.length) return false;
    const isWhole = length === this.wanted.length;
    if (kind === 'object' && !isWhole) return false;
    const onTheWay = this.members.path(kind).every((name, level) => name === this.wanted[level]);
    if (onTheWay && !isWhole) this.otherFound = true;
    return onTheWay;
  }
}
