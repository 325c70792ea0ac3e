import { SluiceError } from '../domain/sluice-error.ts';

/** Enough of a beginning to know a page by. */
const headBytes = 1024;
const page = /^\ufeff?\s*<(!doctype\s+html|html|head|body|script|meta)\b/i;
const markup = /^\ufeff?\s*</;

interface Answer {
  readonly name: string;
  readonly contentType: string | undefined;
}

/**
 * Passes a body on, once its beginning shows that it is no page for people: many a server sends one with status 200
 * to who is not signed in. What is said to be a page and does not look like one is passed on too.
 */
export async function* refusePages(
  content: AsyncIterable<Uint8Array>,
  { name, contentType = '' }: Answer,
): AsyncGenerator<Uint8Array> {
  const isSaidToBe = /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(contentType);
  const known = isSaidToBe ? markup : page;
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of content) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    if (head.length < headBytes) continue;
    yield checked(head, known, name);
    head = undefined;
  }
  if (head === undefined) return;
  if (head.length === 0) throw new SluiceError('source_invalid', `${name} is empty.`);
  yield checked(head, known, name);
}

function checked(head: Buffer, known: RegExp, name: string): Buffer {
  if (!known.test(head.toString('utf8', 0, headBytes))) return head;
  const message = `${name} is an HTML page and no file of records: it may be the page to sign in, or one about the file. Look at the URL, and at the credentials of the connector.`;
  throw new SluiceError('source_invalid', message);
}
