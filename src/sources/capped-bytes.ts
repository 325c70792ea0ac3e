const QUOTE = 34;
const headBytes = 1024;

/** Bytes put together from pieces, unless they are too many: then only their beginning is known. */
export interface Gathered {
  readonly size: number;
  readonly bytes: Buffer;
  readonly tooLarge: boolean;
  /** The number of quotation marks is odd. Known only when too large. */
  readonly oddQuotes: boolean;
}

/** Gathers the pieces of something that goes on from block to block, and holds no more than `maxBytes`. */
export class CappedBytes {
  private readonly maxBytes: number;
  private pieces: Buffer[] = [];
  private quotes = 0;
  size = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Copies nothing: the piece must not be written to afterwards. */
  add(piece: Buffer): void {
    if (piece.length === 0) return;
    const before = this.size;
    this.size += piece.length;
    if (this.size <= this.maxBytes) {
      this.pieces.push(piece);
      return;
    }
    if (before <= this.maxBytes) {
      for (const held of this.pieces) this.quotes += countQuotes(held);
      this.pieces = [Buffer.concat([...this.pieces, piece]).subarray(0, headBytes)];
    }
    this.quotes += countQuotes(piece);
  }

  /** Everything added since the last call. */
  take(): Gathered {
    const gathered = {
      size: this.size,
      bytes: joined(this.pieces),
      tooLarge: this.size > this.maxBytes,
      oddQuotes: this.quotes % 2 === 1,
    };
    this.pieces = [];
    this.quotes = 0;
    this.size = 0;
    return gathered;
  }
}

function countQuotes(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(QUOTE); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) count++;
  return count;
}

/** Most things lie in one block, and need no copy. */
function joined(pieces: readonly Buffer[]): Buffer {
  const [only, ...others] = pieces;
  return only !== undefined && others.length === 0 ? only : Buffer.concat(pieces);
}
