import { SluiceError } from '../domain/sluice-error.ts';
import { beginsPage } from '../sources/source-format.ts';

/** Enough of a beginning to know a page by. */
const headBytes = 1024;
const beginsMarkup = (text: string) => /^\ufeff?\s*</.test(text);

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
  const isPage = isSaidToBe ? beginsMarkup : beginsPage;
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of content) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    if (head.length < headBytes) continue;
    yield checked(head, isPage, name);
    head = undefined;
  }
  if (head === undefined) return;
  if (head.length === 0) throw new SluiceError('source_invalid', `${name} is empty.`);
  yield checked(head, isPage, name);
}

function checked(head: Buffer, isPage: (text: string) => boolean, name: string): Buffer {
  if (!isPage(head.toString('utf8', 0, headBytes))) return head;
  const message = `${name} is an HTML page and no file of records: it may be the page to sign in, or one about the file. Look at the URL, and at the credentials of the connector.`;
  throw new SluiceError('source_invalid', message);
}
