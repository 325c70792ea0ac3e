import { didYouMean } from '../connectors/did-you-mean.ts';
import { nearest } from '../domain/nearest.ts';
import { isSluicesOwn } from './flow-environment.ts';
import type { Names } from './names.ts';
import type { RecordPath } from './record-path.ts';

/** What is wrong with a name, and what to write instead. */
export interface NameProblem {
  readonly message: string;
  readonly suggestion: string;
}

/** A path that begins with a name that a flow of steps does not have at this place. */
export function unknownName(name: string, names: Names): NameProblem {
  return { message: `there is no name "${name}" here`, suggestion: adviceFor(name, names) };
}

function adviceFor(name: string, { roots, members }: Names): string {
  const known = elsewhere(name, roots);
  if (known !== undefined) return known;
  const close = nearest(name, roots.keys());
  if (close !== undefined) return `did you mean "${close}"?`;
  if (members.get('steps')?.includes(name) === true) return `write steps.${name}.result`;
  const all = `known here: ${[...roots.keys()].join(', ')}`;
  return roots.has('record') && isPlain(name) ? `a field of the record is record.${name}; ${all}` : all;
}

/** Names that are there at other places of a flow, or in other languages. */
function elsewhere(name: string, roots: Names['roots']): string | undefined {
  const isEnd = roots.has('job');
  if (['record', 'source', 'item', ...(isEnd ? ['items', 'batch'] : [])].includes(name)) {
    if (isEnd) return 'in finally there is no record; type: aggregate reads them';
    if (roots.has('items')) return 'the flow takes several records at once: they are the list items';
    return 'when is decided once, before for_each begins; the record is record';
  }
  if (name === 'loop')
    return roots.has('index') ? 'write index' : 'the position in a loop is index, inside the loop';
  return isEnd ? undefined : notHere.get(name);
}

const notHere: ReadonlyMap<string, string> = new Map(
  Object.entries({
    index: 'index is there inside for_each and batch; the position of the record is batch.index',
    error: 'error is there in the step of on_error and on_item_error',
    failure: 'failure is there in the step of on_error and on_item_error',
    items: 'items is there in a flow with size; one record alone is record',
    response: 'response is there in response, success_when and retry_when of an http_request',
    job: 'job is there in finally',
    counts: 'counts is there in finally',
    payload: 'write record',
    input: 'write record',
    data: 'write record',
    row: 'write record',
    secrets: 'write env.NAME for an environment variable',
  }),
);

/** A member that a name is known not to have: a step that does not come before this one, say. */
export function memberProblem(root: string, path: RecordPath, names: Names): NameProblem | undefined {
  const owner = names.roots.get(root) ?? root;
  const [first, second] = path;
  if (owner === 'env' && names.members.has('steps')) return variableProblem(first);
  const members = names.members.get(owner);
  if (first === undefined || members === undefined) return undefined;
  if (!members.includes(String(first))) {
    const suggestion =
      (owner === 'steps' ? hiddenStep(String(first), names) : undefined) ??
      didYouMean(String(first), members) ??
      (owner === 'steps' ? 'no step comes before this one' : `${root} has nothing`);
    return { message: `${root} has no "${first}" here`, suggestion };
  }
  return owner === 'steps' && second !== undefined ? partProblem(String(first), String(second)) : undefined;
}

/** A variable that a flow can never be given, or none at all. */
export function variableProblem(name: string | number | undefined): NameProblem | undefined {
  if (name === undefined) {
    return { message: 'env alone is no value', suggestion: 'name the variable: env.API_TOKEN' };
  }
  if (!isSluicesOwn(String(name))) return undefined;
  const message = `the variable ${name} is Sluice's own and never given to a flow`;
  return { message, suggestion: 'set one of another name, or take a parameter' };
}

function hiddenStep(name: string, { ahead, inside }: Names): string | undefined {
  if (ahead?.has(name) === true) return 'a step sees only those before it';
  const around = inside?.get(name);
  return around === undefined ? undefined : `it stands inside the step "${around}", and is seen only there`;
}

const parts = ['result', 'status', 'error'];

function partProblem(step: string, part: string): NameProblem | undefined {
  if (parts.includes(part)) return undefined;
  const close = nearest(part, parts);
  const suggestion = close === undefined ? `write steps.${step}.result.${part}` : `did you mean "${close}"?`;
  return { message: `a step has ${parts.join(', ')}, and no "${part}"`, suggestion };
}

const isPlain = (name: string) => /^[\p{L}_][\p{L}\p{N}_]{0,50}$/u.test(name);
