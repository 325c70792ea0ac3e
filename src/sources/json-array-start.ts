import { JsonMembers, type ValueKind } from './json-members.ts';
import type { JsonNesting } from './json-nesting.ts';

/** Finds the beginning of an array in a JSON document that comes in blocks. */
export class JsonArrayStart {
  private readonly members = new JsonMembers();
  private readonly wanted: string | undefined;
  private readonly longest: number;
  /** Something that is not an array is where the path leads. */
  otherFound = false;

  /** `wanted` is the dotted path of the array; undefined: the document is the array. */
  constructor(wanted: string | undefined) {
    this.wanted = wanted;
    this.longest = wanted?.split('.').length ?? 0;
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

  /** The value is what the path leads to. A name may hold dots itself, so what counts is the path as it is written. */
  private leadsTo(kind: ValueKind): boolean {
    // The depth is looked at first, so that a deep document does not cost a path for each of its values.
    const length = this.nesting.depth - (kind === 'scalar' ? 0 : 1);
    if (length > this.longest) return false;
    if (length > 0) return this.members.path(kind).join('.') === this.wanted;
    // Nothing leads on from a document that is no object.
    this.otherFound = this.wanted !== undefined && kind !== 'object';
    return this.otherFound || this.wanted === undefined;
  }
}
