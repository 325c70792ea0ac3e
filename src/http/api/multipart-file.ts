import { Refusal } from '../problem.ts';
import { fileNameIn } from './file-name.ts';

const headersAtMost = 16 * 1024;
/** Of a field that is no file. */
const fieldAtMost = 64 * 1024;

/** The file in a form. */
export interface FormFile {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * The file of a form (multipart/form-data), while it comes in: nothing of it is held back. Reading its content ends
 * with the form.
 *
 * @throws Refusal when the form has no file or more than one, or is none
 */
export async function readFormFile(body: AsyncIterable<Uint8Array>, contentType: string): Promise<FormFile> {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw broken('names no boundary');
  const form = taking(body);
  await skip(form.upTo(`--${boundary}`), fieldAtMost);
  const name = await firstFile(form, boundary);
  if (name === undefined) throw broken('has no file in it');
  return { name, content: onlyFile(form, boundary) };
}

/** What the first file is called that was chosen: browsers send a field without one with an empty name. */
async function firstFile(form: Taking, boundary: string): Promise<string | undefined> {
  const end = `\r\n--${boundary}`;
  let name = await nextFile(form, boundary);
  while (name === '' && (await form.goesOnWith(end))) {
    await skip(form.upTo(end), fieldAtMost);
    name = await nextFile(form, boundary);
  }
  return name;
}

/** What the next file is called, past the fields before it; undefined: there is none. */
async function nextFile(form: Taking, boundary: string): Promise<string | undefined> {
  while (!(await form.goesOnWith('--'))) {
    const name = fileName(await headersOf(form.upTo('\r\n\r\n')));
    if (name !== undefined) return name;
    await skip(form.upTo(`\r\n--${boundary}`), fieldAtMost);
  }
  return undefined;
}

async function* onlyFile(form: Taking, boundary: string): AsyncGenerator<Buffer> {
  const end = `\r\n--${boundary}`;
  yield* form.upTo(end);
  for (;;) {
    const other = await nextFile(form, boundary);
    if (other === undefined) return;
    if (other !== '') throw broken('has more than one file in it');
    await skip(form.upTo(end), fieldAtMost);
  }
}

function fileName(headers: string): string | undefined {
  const disposition = /^content-disposition:([^\r\n]*)/im.exec(headers)?.[1];
  return disposition === undefined ? undefined : fileNameIn(disposition);
}

interface Taking {
  /** The bytes up to a mark, and takes the mark itself. */
  readonly upTo: (mark: string) => AsyncGenerator<Buffer>;
  /** Whether a text comes next; takes nothing. */
  readonly goesOnWith: (text: string) => Promise<boolean>;
}

/** Takes bytes from the beginning of what is left of a stream. */
function taking(body: AsyncIterable<Uint8Array>): Taking {
  const source = body[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  const takeMore = async () => {
    const next = await source.next();
    if (next.done === true) throw broken('ends too early');
    held = Buffer.concat([held, next.value]);
  };
  return {
    async *upTo(text) {
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
    },
    async goesOnWith(text) {
      while (held.length < text.length) await takeMore();
      return held.subarray(0, text.length).toString('latin1') === text;
    },
  };
}

async function headersOf(pieces: AsyncIterable<Buffer>): Promise<string> {
  const taken: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > headersAtMost) throw broken('has a part with too many headers');
    taken.push(piece);
  }
  return Buffer.concat(taken).toString('utf8');
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
    `The form ${what}. Send a form with one file, or its bytes alone as the body. Nothing was kept.`,
  );
