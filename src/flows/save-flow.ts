import { lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileTrouble, makeFile, replaceFile } from '../connectors/replace-file.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { compileLate } from './compile-late.ts';
import { type Draft, type Drafts, draftsAtMost } from './drafts.ts';
import type { Flow } from './flow.ts';
import { fileNameProblem, fileNamesFor, labelOf } from './flow-file-name.ts';
import { type FlowProblem, formatProblem } from './flow-identity.ts';
import type { FlowLibrary, FlowListing } from './flow-library.ts';
import { withFolderLock } from './folder-lock.ts';

/** The flows of a home, and those that wait for a person. */
export interface Shelf {
  readonly flows: Pick<FlowLibrary, 'folder' | 'list' | 'loaded' | 'findRevision'>;
  readonly drafts: Drafts;
}

export interface SaveRequest {
  readonly text: string;
  /** Revision of the flow, or draft, that the text takes the place of. */
  readonly replaces?: string | undefined;
}

/** What became of a text. */
export type Saving =
  | { readonly flow: Flow; readonly file: string; readonly draft: Draft | undefined }
  /** Sentences; nothing was written. `first`: where in the text the first of them is, if the text is at fault. */
  | {
      readonly problems: readonly string[];
      readonly first?: Pick<FlowProblem, 'line' | 'column'> | undefined;
    };

/**
 * Saves the text of a flow of one's own making. What reaches further than declared connectors becomes a
 * draft, which runs only after `approveDraft`. The same text twice is saved once.
 *
 * @throws SluiceError for a folder that cannot be written.
 */
export async function saveFlow(shelf: Shelf, request: SaveRequest): Promise<Saving> {
  if (looksLikeModule(request.text)) return { problems: [moduleProblem] };
  const compiled = await compileLate(request.text, '');
  if ('problems' in compiled) {
    return { problems: placed(request.text, compiled.problems), first: compiled.problems[0] };
  }
  const { flow } = compiled;
  const wrong = fileNameProblem(flow);
  if (wrong !== undefined) return { problems: [`${guessedName(request.text)}:1:1 ${wrong}`] };
  return writing(shelf, () => settle(shelf, flow, request.replaces));
}

const looksLikeModule = (text: string) => /^(?:import\s.*\sfrom\s|export\s+default\s)/mu.test(text);
const moduleProblem =
  'The text is JavaScript, and no tool takes a flow in code; write YAML, or have the person put the module into the flows folder.';

async function settle(shelf: Shelf, flow: Flow, replaces: string | undefined): Promise<Saving> {
  const same = (await shelf.flows.list()).filter(({ name }) => name === flow.name);
  const draft = await shelf.drafts.find(flow.name);
  const known = same.find(({ revision }) => revision === flow.revision);
  if (known !== undefined) return { flow, file: known.file, draft: undefined };
  if (draft?.revision === flow.revision) return { flow, file: draft.file, draft };

  const present: Present = { flow, same, draft, replaces };
  const lost = await safeguardsLost(shelf, flow, same);
  if (flow.needs.approval.length > 0 || lost.length > 0) {
    const problem = draftProblem(present) ?? (await crowdProblem(shelf, draft));
    if (problem !== undefined) return { problems: [problem] };
    const kept = await shelf.drafts.keep(flow, draft);
    if (kept === undefined) return { problems: [nameTaken(flow)] };
    return { flow, file: kept.file, draft: { ...kept, reasons: [...kept.reasons, ...lost] } };
  }
  const problem =
    flowProblem(present) ?? (await pathProblem(shelf, flow)) ?? (await targetProblem(targetOf(present)));
  if (problem !== undefined) return { problems: [problem] };
  const file = await put(shelf.flows.folder, flow, same, targetOf(present));
  if (file === undefined) return { problems: [nameTaken(flow)] };
  if (draft !== undefined && draft.revision === replaces) await shelf.drafts.drop(draft);
  return { flow, file, draft: undefined };
}

/** What a person has put into a flow of this name to hold back whoever starts it, and the text leaves out. */
async function safeguardsLost(
  { flows }: Shelf,
  flow: Flow,
  same: readonly FlowListing[],
): Promise<readonly string[]> {
  const known = await Promise.all(same.map(({ revision }) => flows.findRevision(revision)));
  const confirms = known.flatMap((other) => other?.confirm ?? []);
  const strength = (confirm: Flow['confirm']) => ['none', 'plan', 'human'].indexOf(confirm ?? 'none');
  const weakened = confirms.filter((confirm) => strength(confirm) > strength(flow.confirm));
  const fields = known.flatMap((other) => other?.redact ?? []);
  const shown = fields.filter((field) => flow.redact?.includes(field) !== true);
  return [
    ...[...new Set(weakened)].map((confirm) => `leaves out confirm: ${confirm}`),
    ...(shown.length === 0 ? [] : [`no longer redacts ${[...new Set(shown)].join(', ')}`]),
  ];
}

/** What there is of a flow's name already. */
interface Present {
  readonly flow: Flow;
  readonly same: readonly FlowListing[];
  readonly draft: Draft | undefined;
  readonly replaces: string | undefined;
}

const targetOf = ({ same, replaces }: Pick<Present, 'same' | 'replaces'>) =>
  same.find(({ revision }) => revision === replaces);

/** Flows that could no longer be told apart from this one: a name without a version stands for all of them. */
function inTheWay({ flow, same }: Pick<Present, 'flow' | 'same'>): readonly FlowListing[] {
  return same.filter(({ version }) => version === flow.version || version === null || flow.version === null);
}

function flowProblem(present: Present): string | undefined {
  const { flow, draft, replaces } = present;
  const clash = inTheWay(present);
  const target = targetOf(present);
  if (target === undefined) {
    if (clash.length > 0) return alreadyThere(flow, clash, replaces);
    return replaces === undefined || replaces === draft?.revision ? undefined : nothingThere(present);
  }
  const others = clash.filter((listing) => listing !== target);
  if (others.length === 0) return undefined;
  const files = [target, ...others].map(({ file }) => basename(file)).join(' and ');
  return flow.version === null && others.every(({ version }) => version !== null)
    ? `${files} hold versions of ${flow.name}; give this text a version of its own`
    : `${files} would both hold ${labelOf(flow)}; remove one, or choose another version`;
}

/** A second flow under a path would keep both from running. */
async function pathProblem({ flows }: Shelf, { name, published }: Flow): Promise<string | undefined> {
  const path = published?.path;
  const loaded = path === undefined ? [] : await flows.loaded();
  const other = loaded.find(({ flow }) => flow?.published?.path === path && flow?.name !== name);
  return other === undefined
    ? undefined
    : `published_api.path ${path} is that of the flow ${other.listing.name} already; choose another`;
}

function draftProblem(present: Present): string | undefined {
  const { flow, draft, replaces } = present;
  if (draft !== undefined) {
    return replaces === draft.revision
      ? undefined
      : `There is a draft of ${flow.name} already (revision ${draft.revision}). ${advice(draft.revision)}`;
  }
  if (targetOf(present) !== undefined) return undefined;
  const clash = inTheWay(present);
  if (clash.length > 0) return alreadyThere(flow, clash, replaces);
  return replaces === undefined ? undefined : nothingThere(present);
}

function alreadyThere(flow: Flow, clash: readonly FlowListing[], replaces: string | undefined): string {
  const named = clash.map(
    (other) => `${labelOf(other)} (revision ${other.revision}, ${basename(other.file)})`,
  );
  const present = `There is a flow ${named.join(' and ')} already`;
  if (clash.length > 1) {
    return `${present}; give this one a version of its own, or replace one of them with replaces`;
  }
  const revision = clash[0]?.revision ?? '';
  const stale = replaces === undefined ? '' : `; it is not ${shown(replaces)} any more`;
  // A flow without a version stands in the way of all of them.
  const isVersioned = flow.version !== null && clash[0]?.version !== null;
  const other = isVersioned ? ', or give this text another version' : '';
  return `${present}${stale}. ${advice(revision)}${other}`;
}

const advice = (revision: string) => `To change it, pass replaces: "${revision}"`;

function nothingThere({ flow, same, draft, replaces }: Present): string {
  const there = [...same, ...(draft === undefined ? [] : [draft])].map(({ revision }) => revision);
  const known = there.length === 0 ? 'leave replaces out' : `there are ${there.join(' and ')}`;
  return `No flow ${flow.name} has the revision ${shown(replaces ?? '')}; ${known}`;
}

const shown = (revision: string) => JSON.stringify(revision.slice(0, 60));

function nameTaken(flow: Flow): string {
  const names = fileNamesFor(flow, false).join(' and ');
  return `The flows folder holds something else under ${names}; choose another name`;
}

/** Only a YAML file of the folder itself is ever written over. */
async function targetProblem(target: FlowListing | undefined): Promise<string | undefined> {
  if (target === undefined) return undefined;
  const file = basename(target.file);
  if (!/\.ya?ml$/i.test(file)) return `${target.name} is a code flow (${file}); a person edits that file`;
  const found = await lstat(target.file).catch(() => undefined);
  return found?.isSymbolicLink() === true
    ? `${file} is a symbolic link, which is not written through; a person puts the file itself there`
    : undefined;
}

async function crowdProblem({ drafts }: Shelf, draft: Draft | undefined): Promise<string | undefined> {
  if (draft !== undefined || (await drafts.list()).length < draftsAtMost) return undefined;
  return `There are ${draftsAtMost} drafts already; a person approves or removes some first`;
}

/** Writes the file; undefined: every name it could have is taken. */
async function put(
  folder: string,
  flow: Flow,
  same: readonly FlowListing[],
  target: FlowListing | undefined,
): Promise<string | undefined> {
  if (target !== undefined) {
    await replaceFile(target.file, flow.text, { fresh: 0o644 });
    return target.file;
  }
  for (const name of fileNamesFor(flow, same.length > 0)) {
    if (await makeFile(join(folder, name), flow.text, { fresh: 0o644 })) return join(folder, name);
  }
  return undefined;
}

/** A draft that a person has put into force. */
export interface Approved {
  readonly flow: Flow;
  readonly file: string;
  /** Revision of the flow whose place it took. */
  readonly replaced: string | undefined;
}

/**
 * Makes a draft a flow that runs. `revision` is that of the text the person has seen.
 *
 * @throws SluiceError
 */
export async function approveDraft(shelf: Shelf, name: string, revision: string): Promise<Approved> {
  return writing(shelf, async () => {
    const draft = await shelf.drafts.find(name);
    if (draft === undefined) throw refused('flow_not_found', `There is no draft named ${shown(name)}.`);
    if (draft.revision !== revision) {
      throw refused('invalid_input', `The draft ${name} has changed since you looked at it; look again.`);
    }
    const { flow } = draft;
    if (flow === undefined) throw refused('flow_invalid', draft.reasons.join('\n'));
    const same = (await shelf.flows.list()).filter((listing) => listing.name === name);
    const clash = inTheWay({ flow, same });
    if (clash.length > 1) {
      const files = clash.map(({ file }) => basename(file)).join(' and ');
      throw refused('invalid_input', `${files} would clash with ${labelOf(flow)}; remove one first.`);
    }
    const [target] = clash;
    const problem = fileNameProblem(flow) ?? (await targetProblem(target));
    if (problem !== undefined) throw refused('invalid_input', `${problem}.`);
    const file = await put(shelf.flows.folder, flow, same, target);
    if (file === undefined) throw refused('invalid_input', `${nameTaken(flow)}.`);
    await shelf.drafts.drop(draft);
    return { flow, file, replaced: target?.revision };
  });
}

function refused(code: 'flow_not_found' | 'flow_invalid' | 'invalid_input', message: string): SluiceError {
  return new SluiceError(code, `${message} Nothing was changed.`);
}

async function writing<T>(shelf: Shelf, work: () => Promise<T>): Promise<T> {
  try {
    return await withFolderLock(shelf.flows.folder, work);
  } catch (error) {
    if (error instanceof SluiceError || !(error instanceof Error && 'syscall' in error)) throw error;
    throw new SluiceError(
      'invalid_configuration',
      `The flows folder ${shelf.flows.folder} cannot be written (${fileTrouble(error)}). Nothing was saved.`,
    );
  }
}

function placed(text: string, problems: readonly FlowProblem[]): string[] {
  const file = guessedName(text);
  return problems.map((problem) => formatProblem({ ...problem, file }));
}

/** The file a text would have, as far as its name can be read. */
function guessedName(text: string): string {
  const name = /^(?:flow|name):[ \t]*["']?([\p{L}\p{N}][\p{L}\p{N}._-]{0,99})/mu.exec(text)?.[1];
  return `${name ?? 'flow'}.yaml`;
}
