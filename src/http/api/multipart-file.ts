import { Refusal } from '../problem.ts';

const headersAtMost = 16 * 1024;
/** Of a field that is no file. */
const fieldAtMost = 64 * 1024;

/** The file in a form. */
export interface FormFile {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * The first file of a form (multipart/form-data), while it comes in: nothing of it is held back.
 *
 * @throws Refusal when the form has none, or is none
 */
export async function readFormFile(body: AsyncIterable<Uint8Array>, contentType: string): Promise<FormFile> {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw broken('names no boundary');
  const upTo = takingFrom(body);
  await skip(upTo(`--${boundary}`), fieldAtMost);
  for (;;) {
    const headers = await textOf(upTo('\r\n\r\n'));
    if (headers === undefined) throw broken('has no file in it');
    const name = fileName(headers);
    const content = upTo(`\r\n--${boundary}`);
    if (name !== undefined) return { name, content };
    await skip(content, fieldAtMost);
  }
}

const fileName = (headers: string) =>
  /^content-disposition:[^\r\n]*;\s*filename="((?:[^"\\\r\n]|\\.)*)"/im
    .exec(headers)?.[1]
    ?.replace(/\\(.)/g, '$1');

/** Takes the bytes up to a mark, and the mark itself, from the beginning of what is left of a stream. */
function takingFrom(body: AsyncIterable<Uint8Array>): (mark: string) => AsyncGenerator<Buffer> {
  const source = body[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  const takeMore = async () => {
    const next = await source.next();
    if (next.done === true) throw broken('ends too early');
    held = Buffer.concat([held, next.value]);
  };
  return async function* upTo(text) {
    const mark = Buffer.from(text);
    let at = held.indexOf(mark);
    for (; at === -1; at = held.indexOf(mark)) {
      // The mark may begin in what is held and end in what comes.
      const sure = Math.max(held.length - mark.length + 1, 0);
      const piece = held.subarray(0, sure);
      held = held.subarray(sure);
      if (piece.length > 0) yield piece;
      await takeMore();
    }
    const last = held.subarray(0, at);
    held = held.subarray(at + mark.length);
    if (last.length > 0) yield last;
  };
}

/** Headers of a part; undefined: there is no further part. */
async function textOf(pieces: AsyncIterable<Buffer>): Promise<string | undefined> {
  let text = '';
  try {
    for await (const piece of pieces) {
      text += piece.toString('utf8');
      if (text.startsWith('--')) return undefined;
      if (text.length > headersAtMost) throw broken('has a part with too many headers');
    }
  } catch (error) {
    if (text.startsWith('--')) return undefined;
    throw error;
  }
  return text;
}

async function skip(pieces: AsyncIterable<Buffer>, bytesAtMost: number): Promise<void> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > bytesAtMost) throw broken('has a field that is too long for one');
  }
}

const broken = (what: string) =>
  new Refusal(
    400,
    'invalid_input',
    `The form ${what}. Send one file, or its bytes alone as the body. Nothing was kept.`,
  );
