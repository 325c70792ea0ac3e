import { basename } from 'node:path';
import { didYouMean } from '../connectors/did-you-mean.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { approveCommand, type Draft, type Drafts, openDrafts } from './drafts.ts';
import type { Flow } from './flow.ts';
import { labelOf } from './flow-file-name.ts';
import { type FlowListing, type LoadedFlow, openFlowFolder } from './flow-folder.ts';
import { formatProblem } from './flow-identity.ts';

export type { FlowListing, LoadedFlow };

/** The flows in one folder. Files are read again when they change, so editing needs no restart. */
export interface FlowLibrary {
  readonly folder: string;
  /** The folder, as those are told whose flows these are. */
  readonly place: string;
  /** A file of the folder, as those are told whose flows these are. */
  shown(file: string): string;
  /** Sorted by name, the highest version first. A folder that is not there has no flows. */
  list(): Promise<FlowListing[]>;
  /** The same with the flows themselves. */
  loaded(): Promise<LoadedFlow[]>;
  /**
   * Finds a flow by its uuid or name (then the highest version), or by `name@version`.
   *
   * @throws SluiceError `flow_not_found`, or `flow_invalid` with everything that is wrong with it.
   */
  find(reference: string): Promise<Flow>;
  /** The flow with exactly this text, if the folder holds it, or held a module with it since the process began. */
  findRevision(revision: string): Promise<Flow | undefined>;
}

/**
 * `place`: what to call the folder to those who must not know this machine; default: its path. `drafts`: where a
 * name may be found that no flow has.
 */
export function openFlowLibrary(
  folder: string,
  place = folder,
  drafts: Pick<Drafts, 'find'> = openDrafts(folder),
): FlowLibrary {
  const loadFolder = openFlowFolder(folder);
  /** Modules stay loaded in any case, so jobs that run keep theirs when its file is edited. */
  const modules = new Map<string, Flow>();
  const load = async () => {
    const loaded = await loadFolder();
    for (const { flow } of loaded) if (flow?.kind === 'code') modules.set(flow.revision, flow);
    return withClashes(loaded).sort(byNameAndVersion);
  };

  const isOwn = place === folder;
  const shown = (file: string) => (isOwn ? file : basename(file));

  return {
    folder,
    place,
    shown,
    list: async () => (await load()).map(({ listing }) => listing),
    loaded: load,
    async find(reference) {
      const flows = await load();
      const found = flows.find(({ listing }) => isMeant(listing, reference.trim()));
      if (found === undefined) {
        const draft = await drafts.find(reference.trim().replace(/@\d+$/, ''));
        throw draft === undefined ? notFound(reference, { place, isOwn }, flows) : notApproved(draft);
      }
      if (found.flow === undefined || found.listing.problems.length > 0) throw invalid(found.listing, shown);
      return found.flow;
    },
    async findRevision(revision) {
      const flows = await load();
      return flows.find(({ flow }) => flow?.revision === revision)?.flow ?? modules.get(revision);
    },
  };
}

function byNameAndVersion(a: LoadedFlow, b: LoadedFlow): number {
  const [left, right] = [a.listing, b.listing];
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  return (right.version ?? 0) - (left.version ?? 0) || b.modifiedMs - a.modifiedMs;
}

function isMeant({ flowId, name, version }: FlowListing, reference: string): boolean {
  return name === reference || flowId === reference.toLowerCase() || labelOf({ name, version }) === reference;
}

/**
 * Of files that claim the same name and version nobody can say which one is meant, and as little of flows that are
 * published under the same path. Versions of one flow share its path: the newest is the one behind it.
 */
function withClashes(flows: readonly LoadedFlow[]): LoadedFlow[] {
  return flows.map((flow) => {
    const { listing } = flow;
    const path = flow.flow?.published?.path;
    const twins = flows.filter((other) => other !== flow && labelOf(other.listing) === labelOf(listing));
    const rivals = flows.filter(
      (other) =>
        path !== undefined && other.flow?.published?.path === path && other.listing.name !== listing.name,
    );
    const clashes = [
      ...clash(listing, twins, labelOf(listing), 'give one of them another version'),
      ...clash(listing, rivals, `published_api.path ${path}`, 'give one of them another path'),
    ];
    if (clashes.length === 0) return flow;
    return { ...flow, listing: { ...listing, problems: [...listing.problems, ...clashes] } };
  });
}

function clash(
  { file }: FlowListing,
  others: readonly LoadedFlow[],
  what: string,
  suggestion: string,
): FlowListing['problems'] {
  if (others.length === 0) return [];
  const names = others.map((other) => basename(other.listing.file)).join(', ');
  return [{ file, line: 1, column: 1, message: `${names} also holds ${what}`, suggestion }];
}

function notFound(
  reference: string,
  { place, isOwn }: { readonly place: string; readonly isOwn: boolean },
  flows: readonly LoadedFlow[],
): SluiceError {
  const named = JSON.stringify(reference.slice(0, 100));
  if (flows.length === 0) {
    const advice = isOwn
      ? `${place} holds no flows. sluice init makes one with an example in it, or set SLUICE_FLOWS to the folder of yours.`
      : 'there are none of yours yet. save_flow makes one.';
    return new SluiceError('flow_not_found', `There is no flow ${named}: ${advice}`);
  }
  const labels = [...new Set(flows.flatMap(({ listing }) => [listing.name, labelOf(listing)]))];
  const advice = didYouMean(reference, labels) ?? '';
  return new SluiceError('flow_not_found', `There is no flow ${named} in ${place}; ${advice}`);
}

function notApproved(draft: Draft): SluiceError {
  const message = `The flow ${draft.name} is a draft, which does not run before a person has approved it: \`${approveCommand(draft)}\` at a terminal.`;
  return new SluiceError('flow_not_found', message);
}

function invalid({ name, problems }: FlowListing, shown: FlowLibrary['shown']): SluiceError {
  const lines = problems
    .map((problem) => formatProblem({ ...problem, file: shown(problem.file) }))
    .join('\n');
  return new SluiceError('flow_invalid', `The flow ${name} has ${problems.length} problem(s):\n${lines}`);
}
