import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import { notWritten } from '../operations/export-file.ts';
import type { Folders } from './host.ts';

/** Spooled input is kept this long: a job may have to read it again. In milliseconds. */
const keepMs = 7 * 24 * 3_600_000;

/**
 * Writes what comes through a pipe to a file and returns its path: a job outlives the pipe.
 *
 * The file is named by its content, so that the same input twice is seen to be the same work.
 *
 * @throws SluiceError `source_invalid` when nothing came, `invalid_configuration` when the folder takes no file.
 */
export async function spoolInput(input: NodeJS.ReadableStream, { home, exports }: Folders): Promise<string> {
  try {
    // Closed by its own folders and files; others may have to pass through.
    await mkdir(home, { recursive: true, mode: 0o711 });
    await mkdir(exports, { recursive: true, mode: 0o700 });
    await removeOld(exports);
    return await keep(input, exports);
  } catch (error) {
    // The folder has no part in what keeps the pipe from being read.
    const isOfInput = 'errored' in input && input.errored === error;
    throw isOfInput ? error : notWritten(error, exports, 'What comes through the pipe');
  }
}

async function keep(input: NodeJS.ReadableStream, exports: string): Promise<string> {
  const draft = join(exports, `stdin-${randomUUID()}.tmp`);
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    const file = await open(draft, 'wx', 0o600);
    await pipeline(input, measure, file.createWriteStream());
    if (bytes === 0) throw nothingCame();
    const path = join(exports, `stdin-${hash.digest('hex').slice(0, 32)}`);
    // A job that is reading it must not see it change.
    if (!(await isThere(path))) await rename(draft, path);
    return path;
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

async function removeOld(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('stdin-'));
  for (const path of names.map((name) => join(folder, name))) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < Date.now() - keepMs) await rm(path, { force: true });
  }
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

const nothingCame = () =>
  new SluiceError(
    'source_invalid',
    'Nothing came through the pipe. Name a file, or pipe records into `sluice start <flow> -`. Nothing was started.',
  );
