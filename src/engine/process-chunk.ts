import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { Progress } from '../domain/progress.ts';
import { type Broken, type ClaimedRecord, type Outcome, type Settlement, settle } from '../domain/record.ts';
import type { ChunkRule, Flow } from '../flows/flow.ts';
import { storedResult } from '../flows/stored-result.ts';
import { faultPoint } from './fault-points.ts';
import { type AttemptContext, runFlow } from './process-record.ts';

export interface ChunkContext extends AttemptContext {
  readonly chunk: ChunkRule;
  /** False: no further call may be begun. */
  readonly mayGoOn: () => boolean;
  /** Called once for each record, as soon as it is known what becomes of it. */
  readonly settled: (record: ClaimedRecord, settlement: Settlement) => void;
}

type Records = readonly ClaimedRecord[];

/**
 * Takes claimed records through one run of the flow. Never rejects.
 *
 * A list of as many results as there are records gives each its own; any other result is that of all.
 * When the run breaks for a reason that will not pass and the flow says `bisect`, the halves are run one
 * after the other, down to single records, so that only those fail that break a run of their own.
 */
export async function processChunk(context: ChunkContext, records: Records): Promise<void> {
  const outcome = await runChunk(context, records);
  if (!isToBeHalved(context, records, outcome)) return settleAll(context, records, outcome);
  const middle = records.length >> 1;
  for (const half of [records.slice(0, middle), records.slice(middle)]) {
    if (context.mayGoOn()) await processChunk(context, half);
    else settleAll(context, half, { kind: 'interrupted' });
  }
}

async function runChunk(context: ChunkContext, records: Records): Promise<Outcome> {
  const [record] = records;
  if (record === undefined) return { kind: 'interrupted' };
  const indexes = records.map(({ index }) => index);
  for (const index of indexes) faultPoint('before_call', index);
  const payload = records.map((each) => each.payload);
  const outcome = await runFlow(context, {
    record,
    payload,
    indexes,
    progress: progressOf(records, indexes),
  });
  for (const index of indexes) faultPoint('after_call', index);
  return outcome;
}

const isToBeHalved = ({ chunk }: ChunkContext, records: Records, outcome: Outcome): boolean =>
  outcome.kind === 'broken' &&
  isAboutRecords(outcome.failure) &&
  chunk.onError === 'bisect' &&
  records.length > 1;

/** Trouble that a smaller chunk could do without; a refused password it could not. */
const isAboutRecords = ({ class: errorClass }: Failure) =>
  errorClass !== 'transient' && errorClass !== 'auth';

function settleAll({ flow, settled }: ChunkContext, records: Records, outcome: Outcome): void {
  // The same chance for all, so that they come due together.
  const chance = Math.random();
  for (const [at, record] of records.entries()) {
    settled(record, settle(record, shareOf(flow, outcome, records, at), flow.retry, chance));
  }
}

/** What the outcome of a run means for one of its records. */
function shareOf(flow: Flow, outcome: Outcome, records: Records, at: number): Outcome {
  if (outcome.kind === 'done') {
    const result = ownResult(outcome.result, records.length, at);
    const failure = flow.failureOf?.(result);
    return failure === undefined
      ? { kind: 'done', result: storedResult(result) }
      : { kind: 'broken', failure };
  }
  if (outcome.kind === 'broken') return { ...outcome, progress: progressLeft(outcome, records, at) };
  return outcome;
}

function ownResult(result: JsonValue, count: number, at: number): JsonValue {
  return Array.isArray(result) && result.length === count ? (result[at] ?? null) : result;
}

/** The first record keeps the results of a chunk; how often steps have failed is kept with each. */
function progressLeft({ progress, failure }: Broken, records: Records, at: number): Progress | undefined {
  if (progress === undefined) return undefined;
  if (at === 0) return { ...progress, indexes: records.map(({ index }) => index) };
  const { failing } = progress;
  return failing === undefined || failure.class !== 'transient' ? undefined : { results: {}, failing };
}

/** What earlier runs have left: results only of exactly these records. */
function progressOf(records: Records, indexes: readonly number[]): Progress | undefined {
  const failing = mostFailures(records);
  const before = records[0]?.progress;
  const fits =
    before?.indexes?.length === indexes.length && before.indexes.every((index, at) => index === indexes[at]);
  if (!fits && failing === undefined) return undefined;
  const { results = {}, passed } = fits ? before : {};
  return {
    results,
    ...(passed === undefined ? {} : { passed }),
    ...(failing === undefined ? {} : { failing }),
  };
}

function mostFailures(records: Records): Readonly<Record<string, number>> | undefined {
  const most = new Map<string, number>();
  for (const { progress } of records) {
    for (const [step, tries] of Object.entries(progress?.failing ?? {})) {
      most.set(step, Math.max(most.get(step) ?? 0, tries));
    }
  }
  return most.size === 0 ? undefined : Object.fromEntries(most);
}
