import { Transform, type TransformCallback } from 'node:stream';

const newline = 0x0a;

/**
 * Holds back the beginning of a line until the rest is there. The SDK joins all it has of a message with each piece
 * that comes, and looks through it anew: 30 MB in pieces of 64 KiB took it eight seconds.
 *
 * What has more than `atMost` bytes and no end yet is passed on as it is, to be refused.
 */
export class WholeLines extends Transform {
  readonly #atMost: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(atMost: number) {
    // Each piece is passed on as it is, never joined with the next one.
    super({ readableObjectMode: true });
    this.#atMost = atMost;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const first = chunk.indexOf(newline) + 1;
    const last = chunk.lastIndexOf(newline) + 1;
    if (first > 0) {
      this.#keep(chunk.subarray(0, first));
      this.#passOn();
      if (last > first) this.push(chunk.subarray(first, last));
    }
    this.#keep(chunk.subarray(last));
    if (this.#bytes > this.#atMost) this.#passOn();
    done();
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  #passOn(): void {
    this.push(Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#bytes = 0;
  }
}
