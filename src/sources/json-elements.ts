import { CappedBytes, type Gathered } from './capped-bytes.ts';
import { byteOf, isJsonBlank, type JsonNesting } from './json-nesting.ts';

/** The text of one element of an array, with the blanks around it. */
export interface JsonElement extends Gathered {
  /** The line its first character is on. */
  readonly line: number;
  /** From 0. */
  readonly index: number;
}

/** Cuts a JSON array that comes in blocks into its elements. An element over `maxBytes` is never held. */
export class JsonElements {
  private readonly nesting: JsonNesting;
  private readonly arrayDepth: number;
  private readonly element: CappedBytes;
  private elementLine: number;
  private begun = false;
  private count = 0;
  private ended = false;
  /** What the last block has behind the end of the array. */
  behind: Buffer = Buffer.alloc(0);

  /** `nesting` has just taken the array's opening bracket. */
  constructor(nesting: JsonNesting, maxBytes: number) {
    this.nesting = nesting;
    this.arrayDepth = nesting.depth;
    this.elementLine = nesting.line;
    this.element = new CappedBytes(maxBytes);
  }

  /** The elements that end in this block. */
  take(block: Buffer): JsonElement[] {
    const elements: JsonElement[] = [];
    let start = 0;
    for (let index = 0; !this.ended; index++) {
      index = this.nesting.takeString(block, index);
      if (index >= block.length) break;
      const byte = block[index] ?? 0;
      if (!this.begun && !isJsonBlank(byte)) this.begin();
      if (!this.nesting.take(byte) || !this.isEnd(byte)) continue;
      this.element.add(block.subarray(start, index));
      start = index + 1;
      this.finish(elements);
    }
    if (this.ended) this.behind = block.subarray(start);
    else this.element.add(block.subarray(start));
    return elements;
  }

  private begin(): void {
    this.begun = true;
    this.elementLine = this.nesting.line;
  }

  private isEnd(byte: number): boolean {
    this.ended = this.nesting.depth < this.arrayDepth;
    return this.ended || (byte === byteOf.comma && this.nesting.depth === this.arrayDepth);
  }

  private finish(elements: JsonElement[]): void {
    const gathered = this.element.take();
    this.begun = false;
    const isEmptyArray = this.ended && this.count === 0 && gathered.bytes.every(isJsonBlank);
    if (isEmptyArray) return;
    elements.push({ ...gathered, line: this.elementLine, index: this.count++ });
  }
}
