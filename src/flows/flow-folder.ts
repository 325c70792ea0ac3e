import { isUtf8 } from 'node:buffer';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { notUtf8 } from '../connectors/file-problem.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { LoadedModule } from './code/load-module.ts';
import { compileLate } from './compile-late.ts';
import type { Flow } from './flow.ts';
import { type FlowProblem, flowIdOf, revisionOf } from './flow-identity.ts';

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

interface FileState {
  /** Another one after every change of the file. */
  readonly stamp: string;
  readonly isLink: boolean;
  readonly size: number;
  readonly modifiedMs: number;
}

/** What a file has come to. */
interface Known {
  readonly stamp: string;
  /** The stamps of all modules at that time. */
  readonly modules: string;
  /** undefined: a module that is no flow, which others import. */
  readonly loaded: LoadedFlow | undefined;
}

/** Reads the flows of one folder, and again only the files that have changed since. */
export function openFlowFolder(folder: string): () => Promise<LoadedFlow[]> {
  const cache = new Map<string, Known>();

  const load = async (file: string, state: FileState, modules: string): Promise<LoadedFlow[]> => {
    const known = cache.get(file);
    if (known !== undefined && stillHolds(known, file, state, modules)) return listed(known);
    const early = refusalOf(state);
    const bytes = early === undefined ? await readFile(file).catch(() => undefined) : Buffer.alloc(0);
    if (bytes === undefined) return [];
    const refusal = early ?? (isUtf8(bytes) ? undefined : notUtf8);
    const loaded = await loadedFlow(bytes.toString(), file, state.modifiedMs, refusal);
    const found = { stamp: state.stamp, modules, loaded };
    cache.set(file, found);
    return listed(found);
  };

  return async () => {
    const names = await filesIn(folder);
    const files = names.filter(isFlowFile).map((name) => join(folder, name));
    for (const file of cache.keys()) if (!files.includes(file)) cache.delete(file);
    const states = await statesOf(names.map((name) => join(folder, name)));
    const modules = [...states].flatMap(([file, { stamp }]) => (isModule(file) ? [file, stamp] : [])).join();
    const loading = files.map((file) => {
      const state = states.get(file);
      // It may have gone since the folder was read.
      return state === undefined ? [] : load(file, state, modules);
    });
    return (await Promise.all(loading)).flat();
  };
}

/** What is wrong with a module may be mended by an edit of one it imports. */
function stillHolds({ stamp, modules, loaded }: Known, file: string, state: FileState, now: string): boolean {
  const isWrong = loaded !== undefined && loaded.flow === undefined;
  return stamp === state.stamp && (modules === now || !isWrong || !isModule(file));
}

function listed({ loaded }: Known): LoadedFlow[] {
  return loaded === undefined ? [] : [loaded];
}

function refusalOf({ isLink, size }: FileState): string | undefined {
  if (isLink) return 'is a symbolic link; put the file itself here';
  return size > maxBytes ? 'is too large for a flow' : undefined;
}

const isModule = (file: string) => /\.(m?js|m?ts)$/i.test(file);
const isYaml = (file: string) => /\.ya?ml$/i.test(file);

function isFlowFile(name: string): boolean {
  if (isYaml(name)) return !/^connectors\.ya?ml$/i.test(name);
  return !name.startsWith('_');
}

async function filesIn(folder: string): Promise<string[]> {
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
    .filter((name) => !name.startsWith('.') && !/\.d\.m?ts$/i.test(name) && (isYaml(name) || isModule(name)))
    .sort();
}

async function statesOf(files: readonly string[]): Promise<Map<string, FileState>> {
  const found = await Promise.all(files.map((file) => lstat(file).catch(() => undefined)));
  const states = files.flatMap((file, position): [string, FileState][] => {
    const state = found[position];
    if (state === undefined) return [];
    const { mtimeMs, ctimeMs, size, ino } = state;
    const stamp = `${mtimeMs}:${ctimeMs}:${size}:${ino}`;
    return [[file, { stamp, isLink: state.isSymbolicLink(), size, modifiedMs: mtimeMs }]];
  });
  return new Map(states);
}

async function loadedFlow(
  text: string,
  file: string,
  modifiedMs: number,
  refusal: string | undefined,
): Promise<LoadedFlow | undefined> {
  const compiled =
    refusal === undefined
      ? await compiledFile(text, file)
      : { problems: [{ file, line: 1, column: 1, message: refusal }] };
  if ('isHelper' in compiled) return undefined;
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

/** What runs code is loaded only when there is a module. */
async function compiledFile(text: string, file: string): Promise<LoadedModule> {
  if (!isModule(file)) return compileLate(text, file);
  const { loadCodeFlow } = await import('./code/load-module.ts');
  return loadCodeFlow(file, text);
}

const inYaml = [/^flow:[ \t]*["']?([^\s"'#]{1,100})/m, /^version:[ \t]*(\d{1,9})[ \t]*(#|$)/m] as const;
const inModules = [
  /\bid:\s*["'`]([\p{L}\p{N}][\p{L}\p{N}._-]{0,99})["'`]/u,
  /\bversion:\s*(\d{1,9})\b/,
] as const;

/** Finds out what an invalid file wants to be, so that it is found by its name and can be mended. */
function invalidListing(text: string, file: string, problems: readonly FlowProblem[]): FlowListing {
  const [named, versioned] = isModule(file) ? inModules : inYaml;
  const name = named.exec(text)?.[1] ?? basename(file, extname(file));
  const version = versioned.exec(text)?.[1];
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
