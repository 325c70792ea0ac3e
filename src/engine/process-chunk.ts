import type { Failure } from '../domain/failure.ts';
import { type Progress, refusalsIn } from '../domain/progress.ts';
import {
  type Broken,
  type ClaimedRecord,
  type Done,
  type Outcome,
  type Settlement,
  type Share,
  settle,
} from '../domain/record.ts';
import { ownResult } from '../flows/chunk-result.ts';
import type { ChunkRule } from '../flows/flow.ts';
import { storedResult } from '../flows/stored-result.ts';
import { faultPoint } from './fault-points.ts';
import { type AttemptContext, type RunOutcome, runFlow, type Shared } from './process-record.ts';

export interface ChunkContext extends AttemptContext {
  readonly chunk: ChunkRule;
  /** False: no further call may be begun. */
  readonly mayGoOn: () => boolean;
  /** Called with each record once, as soon as it is known what becomes of it; with those of one run together. */
  readonly settled: (records: readonly ReachedRecord[]) => void;
}

export interface ReachedRecord {
  readonly record: ClaimedRecord;
  readonly settlement: Settlement;
}

type Records = readonly ClaimedRecord[];

/**
 * Takes claimed records through one run of the flow. Never rejects.
 *
 * A list of as many results as there are records gives each its own; any other result is that of all. A run that
 * knows which records have failed alone settles each as it says.
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

async function runChunk(context: ChunkContext, records: Records): Promise<RunOutcome> {
  const [record] = records;
  if (record === undefined) return { kind: 'interrupted' };
  const indexes = records.map(({ index }) => index);
  for (const index of indexes) faultPoint('before_call', index);
  const payload = records.map((each) => each.payload);
  const outcome = await runFlow(context, {
    record,
    payload,
    indexes,
    members: records.map(memberOf),
    progress: progressOf(records, indexes),
  });
  for (const index of indexes) faultPoint('after_call', index);
  return outcome;
}

/** What makes a call about the record the same call. */
function memberOf({ index, revision, progress }: ClaimedRecord): string {
  const { refused } = refusalsIn(progress);
  return `${index}${revision === 0 ? '' : `r${revision}`}${refused === undefined ? '' : `x${refused}`}`;
}

const isToBeHalved = ({ chunk }: ChunkContext, records: Records, outcome: Outcome): boolean =>
  outcome.kind === 'broken' &&
  isAboutRecords(outcome.failure) &&
  chunk.onError === 'bisect' &&
  records.length > 1;

/**
 * Trouble that a smaller chunk could do without; a refused password it could not. What may have arrived is not
 * sent once more unasked.
 */
const isAboutRecords = ({ class: errorClass, maybeApplied }: Failure) =>
  errorClass !== 'transient' && errorClass !== 'auth' && maybeApplied !== true;

function settleAll({ flow, settled }: ChunkContext, records: Records, outcome: RunOutcome): void {
  // The same chance for all, so that they come due together.
  const chance = Math.random();
  settled(
    records.map((record, at) => ({
      record,
      settlement: settle(record, shareOf(outcome, records, at), flow.retry, chance),
    })),
  );
}

/** What the outcome of a run means for one of its records. */
function shareOf(outcome: RunOutcome, records: Records, at: number): Outcome {
  if (outcome.kind === 'done') {
    const share = ownShare(outcome, records.length, at);
    return 'failure' in share
      ? { kind: 'broken', failure: share.failure, progress: refusedOnceMore(records[at]) }
      : { kind: 'done', result: storedResult(share.result) };
  }
  if (outcome.kind === 'broken') return { ...outcome, progress: progressLeft(outcome, records, at) };
  return { ...outcome, progress: at === 0 ? outcome.progress : undefined };
}

function ownShare(outcome: Done | Shared, count: number, at: number): Share {
  const share = 'shares' in outcome ? outcome.shares[at] : undefined;
  return share ?? { result: ownResult(outcome.result, count, at) };
}

/** Nothing that the chunk has done is kept for the record: its next run is another call, with others. */
const refusedOnceMore = (record: ClaimedRecord | undefined): Progress => ({
  results: {},
  refused: (refusalsIn(record?.progress).refused ?? 0) + 1,
});

/**
 * The first record keeps the results of a chunk, and which records were in it when their call has to be made again;
 * how often steps have failed is kept with each.
 */
function progressLeft({ progress, failure }: Broken, records: Records, at: number): Progress | undefined {
  const ofRecord = refusalsIn(records[at]?.progress);
  const isKept = progress !== undefined || failure.class === 'transient' || failure.maybeApplied === true;
  if (isKept && at === 0) {
    return { results: {}, ...progress, indexes: records.map(({ index }) => index), ...ofRecord };
  }
  const failing = failure.class === 'transient' ? progress?.failing : undefined;
  if (failing === undefined && ofRecord.refused === undefined) return undefined;
  return { results: {}, ...(failing === undefined ? {} : { failing }), ...ofRecord };
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
