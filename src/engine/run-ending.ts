import { setTimeout as sleep } from 'node:timers/promises';
import { watchAbort } from '../connectors/abort-watch.ts';
import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { FinishedRecord } from '../domain/record.ts';
import { retryDelayMs } from '../domain/retry-policy.ts';
import type { Flow } from '../flows/flow.ts';
import { noRedaction, redactionOf } from '../flows/redaction.ts';
import type { Database } from '../store/database.ts';
import { refusesContent } from '../store/database-fault.ts';
import {
  type DueEnding,
  type EndingOutcome,
  findDueEnding,
  listFinalRecords,
  saveEnding,
} from '../store/ending.ts';
import type { Lease } from '../store/leases.ts';
import { faultPoint } from './fault-points.ts';
import { type AttemptContext, outcomeOf, sayFor } from './process-record.ts';

/** Retries and the waits between them end after this time, in milliseconds. */
const patienceMs = 5 * 60_000;
/** How often a wait looks whether it has become pointless, in milliseconds. */
const lookMs = 250;
/** A result larger than this is not kept. */
const largestResultBytes = 1024 * 1024;
const recordsAtOnce = 500;

export interface EndingContext extends AttemptContext {
  readonly db: Database;
  readonly lease: Lease;
  /** False: the lane stops, the job is paused, or it belongs to somebody else now. */
  readonly mayGoOn: () => boolean;
  readonly isLost: () => boolean;
}

/**
 * Runs the end part of a flow if the job has come to its end and it has not run for this wave, and writes
 * down what it came to. Leaves everything as it is when the lane has to stop meanwhile: then it runs again.
 */
export async function runEnding(context: EndingContext): Promise<void> {
  const { db, lease, flow } = context;
  const due = await findDueEnding(db, lease);
  if (due === undefined) return;
  const outcome = await patiently(context, flow, due);
  if (outcome === undefined) return;
  faultPoint('in_ending');
  await save(context, due.wave, outcome);
}

async function patiently(
  context: EndingContext,
  flow: Flow,
  due: DueEnding,
): Promise<EndingOutcome | undefined> {
  const giveUpAt = performance.now() + patienceMs;
  for (let tries = 1; ; tries++) {
    const outcome = await tryOnce(context, due);
    if (outcome === undefined || 'result' in outcome) return outcome;
    const { failure } = outcome;
    if (failure.class !== 'transient' || tries > flow.retry.retries) return outcome;
    const wait = Math.max(retryDelayMs(flow.retry, tries, Math.random()), failure.retryAfterMs ?? 0);
    if (performance.now() + wait > giveUpAt) return outcome;
    if (!(await pause(context, wait))) return undefined;
  }
}

/** Undefined: it was cut off. */
async function tryOnce(context: EndingContext, due: DueEnding): Promise<EndingOutcome | undefined> {
  const { batchJobId, params, connectors, signal, state, glob, db, flow } = context;
  try {
    const { atEnd } = flow;
    if (atEnd === undefined) throw new TypeError('the flow has no end part');
    const total = Object.values(due.counts).reduce((sum, count) => sum + count, 0);
    const counts = { total, ...due.counts };
    const ending = { batchJobId, params, connectors, signal, state, glob, ...due, counts };
    const log = (message: string) => sayFor(context, message);
    const results = () => finalRecords(db, batchJobId, total);
    const run = async () => keepable(context, (await atEnd({ ...ending, log, results })) ?? null, total);
    return { result: await untilAborted(run(), signal) };
  } catch (error) {
    const outcome = outcomeOf(error, context);
    return outcome.kind === 'interrupted' ? undefined : { failure: outcome.failure };
  }
}

/** Waits no longer than until the signal is aborted, whether the end part heeds it or not. */
async function untilAborted(running: Promise<JsonValue>, signal: AbortSignal): Promise<JsonValue> {
  let unwatch = () => {};
  const aborted = new Promise<never>((_, reject) => {
    unwatch = watchAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([running, aborted]);
  } finally {
    unwatch();
  }
}

async function* finalRecords(
  db: Database,
  batchJobId: string,
  total: number,
): AsyncGenerator<FinishedRecord> {
  for await (const page of pagesOfRecords(db, batchJobId, total)) yield* page;
}

async function* pagesOfRecords(
  db: Database,
  batchJobId: string,
  total: number,
): AsyncGenerator<FinishedRecord[]> {
  for (let from = 0; from < total; from += recordsAtOnce) {
    yield await listFinalRecords(db, batchJobId, from, from + recordsAtOnce);
  }
}

/** The result as it is kept: every answer shows it, so without what the flow redacts. */
async function keepable(
  { db, batchJobId, flow, signal }: EndingContext,
  result: JsonValue,
  total: number,
): Promise<JsonValue> {
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes > largestResultBytes) return `(${bytes} bytes: more than ${largestResultBytes}, and not kept)`;
  const redaction = redactionOf(flow.redact);
  if (redaction === noRedaction || result === null) return result;
  let shown: JsonValue = result;
  for await (const page of pagesOfRecords(db, batchJobId, total)) {
    signal.throwIfAborted();
    const payloads = page.map(({ payload }) => payload);
    shown = redaction.texts(shown, payloads);
  }
  return shown;
}

/** False: there is no point in going on. */
async function pause({ mayGoOn, signal }: EndingContext, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  while (mayGoOn() && !signal.aborted && performance.now() < until) {
    await sleep(Math.max(Math.min(lookMs, until - performance.now()), 1));
  }
  return mayGoOn() && !signal.aborted;
}

/** Goes on trying while the database is away, so that what was done is not done again. */
async function save(context: EndingContext, wave: number, outcome: EndingOutcome): Promise<void> {
  const { db, lease, log, isLost } = context;
  for (;;) {
    try {
      return await saveEnding(db, lease, wave, outcome);
    } catch (error) {
      if (refusesContent(error) && 'result' in outcome) return save(context, wave, { failure: notStorable });
      if (isLost()) throw error;
      log.warn({ batchJobId: lease.batchJobId }, 'the end of a job waits for the database');
      await sleep(500);
    }
  }
}

const notStorable: Failure = {
  class: 'bug',
  code: 'result_not_storable',
  message: 'The end part finished, but the database refused its result',
};
