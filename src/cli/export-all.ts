import { randomUUID } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Option } from 'commander';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Given } from './command.ts';
import type { Answer, Host } from './host.ts';

/** Options by which a command that shows a page of records gives all of them instead. */
export function exportOptions(what: string, onlyForPages: readonly string[]): Option[] {
  const selection = ['limit', 'cursor', ...onlyForPages];
  return [
    new Option('--csv', `write every ${what} to stdout as CSV`).conflicts(['ndjson', 'json', ...selection]),
    new Option('--ndjson', 'the same, one JSON object a line').conflicts(['json', ...selection]),
    new Option(
      '--output <file>',
      `write every ${what} to a file: .csv, .ndjson or .json by its name`,
    ).conflicts(selection),
  ];
}

export const wantsAll = ({ options: { csv, ndjson, output } }: Given) =>
  csv === true || ndjson === true || output !== undefined;

type Format = 'csv' | 'ndjson' | 'json';

/** What an operation says of the files it has written. */
export interface Exported {
  readonly answer: unknown;
  readonly files?: Readonly<Record<Format, { readonly path: string }>> | undefined;
  /** Said when there is nothing in them. */
  readonly nothing: string;
  /** What they hold, such as `12 failed records`. */
  readonly holds: string;
}

/** Hands over the whole export, to stdout or to the file that was named. */
export async function exportAll(
  host: Host,
  { options }: Given,
  begin: () => Promise<Exported>,
): Promise<Answer> {
  const { output } = options;
  const format = formatOf(options);
  const { answer, files, nothing, holds } = await begin();
  if (files === undefined) {
    host.terminal.err.write(`${nothing} Nothing was written.\n`);
    return { json: answer, text: [] };
  }
  const source = files[format].path;
  if (typeof output !== 'string') {
    await pipeline(createReadStream(source), host.terminal.out, { end: false });
    return { json: answer, text: [] };
  }
  const target = resolve(host.cwd, output);
  await copyTo(source, target, output);
  return { json: answer, text: [`${holds} in ${target}`] };
}

const formats: Readonly<Record<string, Format>> = {
  '': 'csv',
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
};

/** @throws SluiceError `invalid_input` when the file is named for another format, or for one that is not written */
function formatOf({ csv, ndjson, output }: Given['options']): Format {
  const name = String(output ?? '');
  const ending = extname(name).toLowerCase();
  const format = formats[ending];
  const wanted = ndjson === true ? 'ndjson' : csv === true ? 'csv' : undefined;
  if (wanted !== undefined && (ending === '' || (format ?? wanted) === wanted)) return wanted;
  if (wanted === undefined && format !== undefined) return format;
  throw new SluiceError('invalid_input', `--output: "${name}" ${misnamed(wanted)} Nothing was written.`);
}

const misnamed = (wanted: Format | undefined) =>
  wanted === undefined
    ? 'names no format that is written: let it end in .csv, .ndjson or .json.'
    : `names another format than --${wanted}: leave out --${wanted}, or let the name end in .${wanted}.`;

async function copyTo(source: string, target: string, named: string): Promise<void> {
  try {
    await putInPlace(source, target);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new SluiceError(
      'invalid_input',
      `--output: "${named}" cannot be written (${reason}). The records are in ${source}.`,
    );
  }
}

/** Devices and pipes are written to; a file is there whole, or stays as it was. */
async function putInPlace(source: string, target: string): Promise<void> {
  const found = await stat(target).catch(() => undefined);
  if (found !== undefined && !found.isFile())
    return pipeline(createReadStream(source), createWriteStream(target));
  const real = await realpath(target).catch(() => target);
  const draft = `${real}.${randomUUID()}.tmp`;
  try {
    await copyFile(source, draft, constants.COPYFILE_EXCL);
    if (found !== undefined) await chmod(draft, found.mode);
    await rename(draft, real);
  } finally {
    await rm(draft, { force: true });
  }
}
