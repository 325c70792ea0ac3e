import { extname } from 'node:path';
import { SluiceError } from '../domain/sluice-error.ts';
import type { OperationContext } from './context.ts';
import { endingFor } from './media-types.ts';
import { refusePages } from './refuse-pages.ts';
import { type SavedUpload, saveUpload, uploadTooLarge } from './save-upload.ts';

const nameAtMost = 500;
const progressMs = 1000;
const mebibyte = 1024 * 1024;

/** A file that was fetched, and is an upload from now on. */
export interface Fetched extends SavedUpload {
  /** What tells its format, such as `.csv`. */
  readonly extension: string;
}

/**
 * Fetches a file through a declared connector and keeps it like one that was sent: what reads it later, also after a
 * restart, reads the same bytes.
 *
 * @throws SluiceError when the URL may not be fetched, or its file does not come whole; then nothing is kept
 */
export async function fetchUpload(context: OperationContext, text: string): Promise<Fetched> {
  const url = readUrl(text);
  const { fetchFile, limits, signal } = context;
  const name = shownUrl(url);
  try {
    return await fetchFile(url, signal, async ({ headers, content }) => {
      const announced = Number(headers['content-length'] ?? 0);
      if (announced > limits.maxUploadBytes) throw uploadTooLarge(limits.maxUploadBytes);
      const checked = refusePages(content, { name, contentType: headers['content-type'] });
      const reported = reporting(context, checked, { name, announced });
      const saved = await saveUpload(context, { name, content: reported, isKeptOnce: true });
      return { ...saved, extension: endingFor(headers['content-type']) ?? extname(url.pathname) };
    });
  } catch (error) {
    if (signal.aborted) throw refused('Given up before the whole file had come.');
    if (!(error instanceof SluiceError)) throw error;
    const { code, message, retryAfterMs } = error;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    throw new SluiceError(code, `${message} Nothing was started.`, { cause: error, ...wait });
  }
}

/** A query may hold secrets, so nothing that is kept or shown has it. */
const shownUrl = ({ origin, pathname }: URL) => (origin + pathname).slice(0, nameAtMost);

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw refused('source.url: must be a URL that begins with https:// or http://.');
  if (url.username === '' && url.password === '') return url;
  throw refused(
    'source.url: must not hold a user name or a password. The credentials are those of the connector, which `sluice connect` asks a person for.',
  );
}

const refused = (message: string) => new SluiceError('invalid_input', `${message} Nothing was started.`);

async function* reporting(
  { progress }: OperationContext,
  content: AsyncIterable<Uint8Array>,
  { name, announced }: { readonly name: string; readonly announced: number },
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let reportedAt = performance.now();
  for await (const piece of content) {
    bytes += piece.length;
    if (performance.now() - reportedAt >= progressMs) {
      reportedAt = performance.now();
      const done = Math.floor(bytes / mebibyte);
      const total = Math.max(done, Math.ceil(announced / mebibyte));
      progress?.({ done, total, message: `${done} MiB of ${name} have come` });
    }
    yield piece;
  }
}
