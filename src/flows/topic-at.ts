import type { FlowProblem } from './flow-identity.ts';
import type { StepKind } from './steps/step-kind.ts';

/** A place in the text of a flow, counted from 1. */
export type TextPlace = Pick<FlowProblem, 'line' | 'column'>;

/** Topics of the reference by the key of a flow under which something stands. */
export const topicOfKey: Readonly<Record<string, string>> = {
  target: 'flows',
  batch: 'flows',
  mapping: 'mapping',
  lookups: 'transforms',
  input: 'what-a-record-has-to-be',
  params: 'flows-of-steps',
  output: 'names-and-places',
  steps: 'steps',
  finally: 'the-end-of-a-job',
  on_error: 'failures-and-retries',
  retry: 'failures-and-retries',
  size: 'chunks',
  on_chunk_error: 'chunks',
  failed_items: 'chunks',
  result: 'taking-records-back',
  undo: 'taking-records-back',
  confirm: 'before-a-start-and-what-nobody-sees',
  redact: 'before-a-start-and-what-nobody-sees',
};
const holdSteps = ['steps', 'finally', 'undo'];

type Kinds = ReadonlyMap<string, StepKind>;

/**
 * The topic of the reference that a place in a flow's text belongs to, as its lines show it: the text need not be
 * one that can be read. undefined: none in particular.
 */
export async function topicAt(text: string, { line, column }: TextPlace): Promise<string | undefined> {
  const lines = text.split('\n');
  const key = keyOver(lines.slice(0, line));
  if (key === undefined || !Object.hasOwn(topicOfKey, key)) return undefined;
  if (!holdSteps.includes(key)) return topicOfKey[key];
  const { stepKindsByName: kinds } = await import('./steps/catalogue.ts');
  const own = kindWithin(lines[line - 1] ?? '', column, kinds);
  return own ?? kindAround(lines, line - 1, kinds) ?? topicOfKey[key];
}

/** The last key that stands at the edge of the text. */
const keyOver = (lines: readonly string[]) =>
  lines.map((line) => /^["']?(\w+)["']?\s*:/.exec(line)?.[1]).findLast((key) => key !== undefined);

const typed = /(?<![\w"'])(?:type|task)\s*:\s*["']?([\w.]+)/g;

/** Of a step that is written in one line: the last that begins before the column, else the first behind it. */
function kindWithin(line: string, column: number, kinds: Kinds): string | undefined {
  const found = [...line.matchAll(typed)].flatMap(({ index, 1: name = '' }) => {
    const kind = kinds.get(name);
    return kind === undefined ? [] : [{ index, kind }];
  });
  return (found.findLast(({ index }) => index < column) ?? found[0])?.kind.name;
}

interface Found {
  readonly name: string;
  readonly depth: number;
}

/** Of the innermost step around a line, whose type may stand above or below it. */
function kindAround(lines: readonly string[], at: number, kinds: Kinds): string | undefined {
  const above = firstKind(lines.slice(0, at).reverse(), lines[at] ?? '', kinds, true);
  const below = firstKind(lines.slice(at + 1), lines[at] ?? '', kinds, false);
  if (above === undefined || below === undefined) return (above ?? below)?.name;
  return (below.depth > above.depth ? below : above).name;
}

/** The first of these lines that says the kind of a step which `from` is a part of. */
function firstKind(
  lines: readonly string[],
  from: string,
  kinds: Kinds,
  isUpwards: boolean,
): Found | undefined {
  // What begins an item of a list has nothing above it that belongs to the item.
  let depth = isUpwards && isItem(from) ? dashOf(from) : depthOf(from);
  for (const line of lines) {
    if (line.trim() === '' || depthOf(line) > depth) continue;
    const kind = kinds.get(/^[\s-]*(?:type|task)\s*:\s*["']?([\w.]+)/.exec(line)?.[1] ?? '');
    // Below, an item that begins is another one.
    if (kind !== undefined && (isUpwards || !isItem(line))) return { name: kind.name, depth: depthOf(line) };
    depth = isItem(line) ? dashOf(line) : depthOf(line);
  }
  return undefined;
}

const isItem = (line: string) => /^\s*-\s/.test(line);
const dashOf = (line: string) => line.search(/\S|$/);
/** Where the content of a line begins, behind the dashes of lists. */
const depthOf = (line: string) => line.search(/[^\s-]|$/);
