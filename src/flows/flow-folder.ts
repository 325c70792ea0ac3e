import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { SluiceError } from '../domain/sluice-error.ts';
import { compileFlow, type FlowProblem, flowIdOf, revisionOf } from './compile-flow.ts';
import type { Flow } from './flow.ts';

const maxBytes = 4_000_000;

/** One file of the folder, whether it can run or not. */
export interface FlowListing {
  readonly flowId: string;
  /** Of an invalid flow as far as it could be read, else the name of the file. */
  readonly name: string;
  readonly version: number | null;
  readonly revision: string;
  readonly description: string | null;
  /** Null when the flow is invalid. */
  readonly summary: string | null;
  readonly file: string;
  readonly problems: readonly FlowProblem[];
}

export interface LoadedFlow {
  readonly listing: FlowListing;
  /** Undefined when the file has problems. */
  readonly flow: Flow | undefined;
  /** When the file was last written, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** Reads the flows of one folder, and again only the files that have changed since. */
export function openFlowFolder(folder: string): () => Promise<LoadedFlow[]> {
  const cache = new Map<string, { readonly stamp: string; readonly loaded: LoadedFlow }>();

  const load = async (file: string): Promise<LoadedFlow[]> => {
    const found = await lstat(file).catch(() => undefined);
    // It may have gone since the folder was read.
    if (found === undefined) return [];
    const stamp = `${found.mtimeMs}:${found.ctimeMs}:${found.size}:${found.ino}`;
    const known = cache.get(file);
    if (known?.stamp === stamp) return [known.loaded];

    const refusal = found.isSymbolicLink() ? 'is a symbolic link; put the file itself here' : undefined;
    const tooLarge = found.size > maxBytes ? 'is too large for a flow' : undefined;
    const text =
      (refusal ?? tooLarge) === undefined ? await readFile(file, 'utf8').catch(() => undefined) : '';
    if (text === undefined) return [];
    const loaded = loadedFlow(text, file, found.mtimeMs, refusal ?? tooLarge);
    cache.set(file, { stamp, loaded });
    return [loaded];
  };

  return async () => {
    const files = await flowFiles(folder);
    for (const file of cache.keys()) if (!files.includes(file)) cache.delete(file);
    return (await Promise.all(files.map(load))).flat();
  };
}

async function flowFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new SluiceError(
      'flow_not_found',
      `The flows folder ${folder} cannot be read (${error.code ?? 'unknown reason'}).`,
    );
  });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .filter((name) => /^[^.].*\.ya?ml$/i.test(name) && !/^connectors\.ya?ml$/i.test(name))
    .map((name) => join(folder, name))
    .sort();
}

function loadedFlow(text: string, file: string, modifiedMs: number, refusal: string | undefined): LoadedFlow {
  const compiled =
    refusal === undefined
      ? compileFlow(text, file)
      : { problems: [{ file, line: 1, column: 1, message: refusal }] };
  if ('problems' in compiled) {
    return { listing: invalidListing(text, file, compiled.problems), flow: undefined, modifiedMs };
  }
  const { flow } = compiled;
  const { flowId, name, version, revision, description, summary } = flow;
  return {
    listing: { flowId, name, version, revision, description, summary, file, problems: [] },
    flow,
    modifiedMs,
  };
}

/** Finds out what an invalid file wants to be, so that it is found by its name and can be mended. */
function invalidListing(text: string, file: string, problems: readonly FlowProblem[]): FlowListing {
  const name = /^flow:[ \t]*["']?([^\s"'#]{1,100})/m.exec(text)?.[1] ?? basename(file, extname(file));
  const version = /^version:[ \t]*(\d{1,9})[ \t]*(#|$)/m.exec(text)?.[1];
  return {
    flowId: flowIdOf(name),
    name,
    version: version === undefined ? null : Number(version),
    revision: revisionOf(text),
    description: null,
    summary: null,
    file,
    problems,
  };
}
