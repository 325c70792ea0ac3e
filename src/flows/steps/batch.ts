import { z } from 'zod';
import { RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { type LoopFailure, runLoop } from '../loop.ts';
import { errorNames, runSteps } from '../run-steps.ts';
import { innerScope, type StepList } from '../step-frame.ts';
import { worstFailure } from '../worst-failure.ts';
import { type StepCall, type StepSite, stepKind } from './step-kind.ts';

const wholeNumber = (max: number) => {
  const words = `must be a whole number from 1 to ${max}`;
  return z.int(words).min(1, words).max(max, words);
};
const nested = (error: string) => z.record(z.string(), z.unknown(), { error }).meta({ holds: 'step' });

/** Runs at once when the file only says `parallel: true` and gives no size. */
const usualParallel = 10;

export const batch = stepKind({
  name: 'batch',
  doc: [
    'A loop inside the run: takes each item of a list through a task. In the task `item` is the item and `index` its position; with `per: chunk` the task gets `batch_size` items at once as the list `item`.',
    'The result is `{results, failed, stats}`: results in the order of the items (null where one failed), failures as {index, item, error}, and stats {total, processed, failed}.',
    'All items are tried, and then the step fails if any failed. `continue_on_error: false` begins no item after the first failure. `continue_on_error: true` or an `on_item_error` says that failures are dealt with: the step succeeds and lists them.',
  ].join('\n\n'),
  example: `type: batch
items: ["a", "b", "c"]
parallel: true
max_parallel: 2
task: { type: echo, message: "Processing {{ item }}" }
`,
  settings: z.strictObject({
    items: z
      .unknown()
      .describe(
        'A list, a template that gives one, or glob:PATTERN for files (below the flows folder, or the first folder of SLUICE_FILES).',
      ),
    task: nested('must be one step, such as { type: echo, message: hi }').describe(
      'The step to run for each item (or chunk).',
    ),
    batch_size: wholeNumber(10_000)
      .optional()
      .describe('Items of a chunk; without max_parallel also how many run at once.'),
    per: z.enum(['item', 'chunk']).optional().describe('What the task gets; item unless given.'),
    parallel: z.boolean().optional().describe('More than one at once; one after the other unless given.'),
    max_parallel: wholeNumber(50).optional().describe('How many at once.'),
    continue_on_error: z
      .boolean()
      .optional()
      .describe(
        'false: begin nothing after the first failure; true: failures are listed and do not fail the step.',
      ),
    on_item_error: nested('must be a step with a type; to go on without one write continue_on_error: true')
      .optional()
      .describe(
        'A step for an item that failed, with `item` and `error` in sight; its result takes the place of the result.',
      ),
  }),
  compile(settings, site) {
    if (settings.items === undefined)
      site.problem(['items'], 'is missing', 'name a list, such as record.lines in {{ }}');
    const loop = loopOf(settings, site);
    return {
      hasEffects: false,
      summary: 'a loop over items',
      run: (call) => runBatch(loop, call),
    };
  },
});

type Settings = z.output<typeof batch.settings> & {
  readonly per?: 'item' | 'chunk' | undefined;
  readonly batch_size?: number | undefined;
  readonly parallel?: boolean | undefined;
  readonly max_parallel?: number | undefined;
  readonly continue_on_error?: boolean | undefined;
  readonly on_item_error?: object | undefined;
};

interface Loop {
  readonly items: ReturnType<StepSite['items']>;
  readonly task: StepList;
  readonly onItemError: StepList | undefined;
  /** Items handed over at once; undefined: one by one. */
  readonly chunk: number | undefined;
  readonly maxParallel: number;
  readonly stopAtFailure: boolean;
  /** Failures are listed and do not fail the step. */
  readonly forgiving: boolean;
}

function loopOf(settings: Settings, site: StepSite): Loop {
  const { batch_size, per = 'item', parallel, max_parallel, continue_on_error, on_item_error } = settings;
  if (parallel === false && max_parallel !== undefined && max_parallel > 1) {
    site.problem(['max_parallel'], 'has no meaning with parallel: false', 'remove one of the two');
  }
  if (per === 'chunk' && batch_size === undefined) site.problem(['per'], 'needs batch_size when it is chunk');
  const atOnce = max_parallel ?? (per === 'item' ? batch_size : undefined) ?? usualParallel;
  const isParallel = parallel ?? max_parallel !== undefined;
  const items = site.items('items');
  const literal = per === 'item' ? items.literal : undefined;
  return {
    items,
    task: site.steps(['task'], { names: ['item', 'index'], literalItems: literal, chunks: per === 'chunk' }),
    onItemError:
      on_item_error === undefined
        ? undefined
        : site.steps(['on_item_error'], { names: ['item', 'index', 'error', 'failure'] }),
    chunk: per === 'chunk' ? batch_size : undefined,
    maxParallel: isParallel ? Math.min(atOnce, 50) : 1,
    stopAtFailure: continue_on_error === false,
    forgiving: continue_on_error === true || (on_item_error !== undefined && continue_on_error !== false),
  };
}

async function runBatch(loop: Loop, call: StepCall): Promise<JsonValue> {
  const { frame, step, scope } = call;
  const list = await loop.items.list(scope, frame);
  const parts: readonly JsonValue[] = loop.chunk === undefined ? list : chunksOf(list, loop.chunk);
  frame.ledger.begin(step, parts);
  const handled: LoopFailure[] = [];

  const run = async (item: JsonValue, index: number): Promise<JsonValue> => {
    const inside = { ...innerScope(scope), item, index };
    const within = { place: `${step}[${index}]`, item, outer: frame.within };
    const place = { ...frame, scope: inside, prefix: `${within.place}.`, inLoop: true, within };
    try {
      return await runSteps(loop.task, place);
    } catch (error) {
      const isOver = frame.signal.aborted || !(error instanceof RecordFailure);
      if (isOver || loop.onItemError === undefined) throw error;
      const named = { ...inside, ...errorNames(error.failure) };
      const instead = await runSteps(loop.onItemError, {
        ...place,
        scope: named,
        prefix: `${step}[${index}].on_item_error.`,
      });
      if (loop.stopAtFailure) throw error;
      // What is thrown here is listed by the loop itself.
      handled.push({ index, error });
      return instead;
    }
  };
  const { maxParallel, stopAtFailure } = loop;
  const { results, failures } = await runLoop(
    parts,
    { maxParallel, stopAtFailure, signal: frame.signal },
    run,
  );
  if (failures.length > 0 && !loop.forgiving) throw loopFailure(step, failures, parts.length);
  const all = [...failures, ...handled].sort((a, b) => a.index - b.index);
  for (const { index, error } of all) frame.ledger.dealtWith(`${step}[${index}]`, error.failure);
  return summary(loop, list, parts, results, all);
}

function chunksOf(list: readonly JsonValue[], size: number): JsonValue[][] {
  const chunks: JsonValue[][] = [];
  for (let at = 0; at < list.length; at += size) chunks.push(list.slice(at, at + size));
  return chunks;
}

/** Transient only when another attempt could help with every failed item. */
function loopFailure(step: string, failures: readonly LoopFailure[], total: number): RecordFailure {
  const failure = worstFailure(failures.map(({ error }) => error))?.failure;
  // The failures of a job are grouped by their messages without the numbers.
  const first = failures.find(({ error }) => error.failure.message === failure?.message)?.index;
  return new RecordFailure({
    class: failure?.class ?? 'data',
    code: failure?.code ?? 'item_failed',
    message: `${failures.length} of ${total} items failed, the one at index ${first} with: ${failure?.message ?? ''}`,
    step,
    ...(failure?.untrustedMessage === undefined ? {} : { untrustedMessage: failure.untrustedMessage }),
    ...(failure?.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    ...(failure?.maybeApplied === true ? { maybeApplied: true } : {}),
  });
}

function summary(
  { chunk }: Loop,
  list: readonly JsonValue[],
  parts: readonly JsonValue[],
  results: readonly (JsonValue | undefined)[],
  failures: readonly LoopFailure[],
): JsonValue {
  const failed = failures.map(({ index, error: { failure } }) => ({
    index,
    item: parts[index] ?? null,
    error: { class: failure.class, code: failure.code, message: failure.message },
  }));
  const lost = failures.reduce((sum, { index }) => sum + lengthOf(parts[index], chunk), 0);
  const stats = { total: list.length, processed: list.length - lost, failed: lost };
  return { results: results.map((result) => result ?? null), failed, stats };
}

const lengthOf = (part: JsonValue | undefined, chunk: number | undefined) =>
  chunk !== undefined && Array.isArray(part) ? part.length : 1;
