import { JsonMembers } from './json-members.ts';
import type { JsonNesting } from './json-nesting.ts';

/** Finds the beginning of an array in a JSON document that comes in blocks. */
export class JsonArrayStart {
  private readonly members = new JsonMembers();
  private readonly wanted: string | undefined;
  private readonly longest: number;
  /** The document itself is neither the array nor an object that could hold it. */
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
      if (kind === undefined) continue;
      const length = this.nesting.depth - (kind === 'scalar' ? 0 : 1);
      if (kind === 'array' && this.isWanted(length)) return index + 1;
      if (length > 0 || (kind === 'object' && this.wanted !== undefined)) continue;
      this.otherFound = true;
      return undefined;
    }
    return undefined;
  }

  /** `length` names lead to the array. A name may hold dots itself, so what counts is the path as it is written. */
  private isWanted(length: number): boolean {
    if (this.wanted === undefined) return length === 0;
    // The length is looked at first, so that a deep document does not cost a path for each of its arrays.
    if (length === 0 || length > this.longest) return false;
    return this.members.path('array').join('.') === this.wanted;
  }
}
