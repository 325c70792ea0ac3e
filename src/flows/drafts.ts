import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFile, replaceFile } from '../connectors/replace-file.ts';
import { shellWord } from '../domain/shell-word.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { compileLate } from './compile-late.ts';
import type { Flow } from './flow.ts';
import { formatProblem, revisionOf } from './flow-identity.ts';

/** More than that nobody looks through; the next one is refused. */
export const draftsAtMost = 100;
const maxBytes = 4_000_000;

/** A flow that waits for a person's word. It lies beside the flows and is never run. */
export interface Draft {
  readonly name: string;
  readonly version: number | null;
  readonly revision: string;
  readonly file: string;
  /** Whose it is; null: this machine's own. */
  readonly owner: string | null;
  readonly text: string;
  /** Undefined when somebody has edited it into something that is no flow. */
  readonly flow: Flow | undefined;
  /** Why it takes a person to approve it, or what is wrong with it. */
  readonly reasons: readonly string[];
}

/** The drafts of a flows folder: one for each name. */
export interface Drafts {
  /** Sorted by name. */
  list(): Promise<Draft[]>;
  find(name: string): Promise<Draft | undefined>;
  /** Writes a draft, or another text of one; undefined: its file's name is taken. */
  keep(flow: Flow, before: Draft | undefined): Promise<Draft | undefined>;
  drop(draft: Draft): Promise<void>;
}

export function openDrafts(flowsFolder: string, owner: string | null = null): Drafts {
  const folder = join(flowsFolder, 'drafts');
  const list = async () => {
    const names = await readdir(folder).catch(() => []);
    const files = names.filter((name) => /^[^.].*\.yaml$/i.test(name)).sort();
    const read = await Promise.all(
      files.slice(0, draftsAtMost).map((name) => readDraft(join(folder, name), owner)),
    );
    return read.flatMap((draft) => draft ?? []);
  };
  return {
    list,
    find: async (name) => (await list()).find((draft) => draft.name === name),
    async keep(flow, before) {
      await makeFolder(folder);
      const file = before?.file ?? join(folder, `${flow.name}.yaml`);
      if (before !== undefined) await replaceFile(file, flow.text, { fresh: 0o644 });
      else if (!(await makeFile(file, flow.text, { fresh: 0o644 }))) return undefined;
      return draftOf(flow.text, file, owner);
    },
    drop: ({ file }) => rm(file, { force: true }),
  };
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await lstat(folder)).isDirectory()) return;
  throw new SluiceError('invalid_configuration', `${folder} must be a folder, not a link to one.`);
}

async function readDraft(file: string, owner: string | null): Promise<Draft | undefined> {
  const found = await lstat(file).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > maxBytes) return undefined;
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : draftOf(text, file, owner);
}

async function draftOf(text: string, file: string, owner: string | null): Promise<Draft> {
  const compiled = await compileLate(text, file);
  const shared = { file, owner, text, revision: revisionOf(text) };
  if ('problems' in compiled) {
    // Shown to owners on other machines too, so without the folder.
    const shown = basename(file);
    const name = shown.replace(/\.yaml$/i, '');
    const reasons = compiled.problems
      .slice(0, 5)
      .map((problem) => formatProblem({ ...problem, file: shown }));
    return { ...shared, name, version: null, flow: undefined, reasons };
  }
  const { flow } = compiled;
  const { name, version, needs } = flow;
  return { ...shared, name, version, flow, reasons: needs.approval };
}

/** How a person puts a draft into force. Owners may be named by somebody else's authorization server. */
export function approveCommand({ name, owner }: Pick<Draft, 'name' | 'owner'>): string {
  const command = `sluice flows approve ${name}`;
  return owner === null ? command : `${command} --owner ${shellWord(owner)}`;
}
