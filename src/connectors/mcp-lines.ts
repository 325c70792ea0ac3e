/** Longer lines are not read. */
const maxLineBytes = 8 * 1024 * 1024;
/** What is kept of both ends of such a line, to find out whose answer it was. */
const keptOfLong = 256;
const newline = 0x0a;

/** What becomes of the lines of a stream. */
export interface LineSink {
  /** Without its line break. */
  line(text: string): void;
  /** A line that was longer than 8 MiB: how it began, and how it ended. */
  tooLong(start: string, end: string): void;
}

/** Cuts a stream of bytes into lines, in bounded memory whatever is in it. */
export class LineReader {
  readonly #sink: LineSink;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      this.#add(chunk.subarray(from, at));
      this.#finish();
      from = at + 1;
    }
    this.#add(chunk.subarray(from));
  }

  #add(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#size += part.length;
    if (this.#size > maxLineBytes) this.#shrink();
  }

  /** Of a line that is too long only its two ends stay in memory. */
  #shrink(): void {
    const all = Buffer.concat(this.#parts);
    // Copies, since a part of a buffer keeps all of it.
    this.#parts = [
      Buffer.from(all.subarray(0, keptOfLong)),
      Buffer.from(all.subarray(Math.max(keptOfLong, all.length - keptOfLong))),
    ];
  }

  #finish(): void {
    const line = Buffer.concat(this.#parts);
    const tooLong = this.#size > maxLineBytes;
    this.#parts = [];
    this.#size = 0;
    if (tooLong) this.#sink.tooLong(ascii(line.subarray(0, keptOfLong)), ascii(line.subarray(-keptOfLong)));
    else this.#sink.line(line.toString('utf8'));
  }
}

function ascii(bytes: Buffer): string {
  return bytes.toString('latin1');
}
