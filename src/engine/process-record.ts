import { foreignText } from '../connectors/foreign-text.ts';
import { NeverLeft } from '../connectors/never-left.ts';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { type Progress, refusalsIn } from '../domain/progress.ts';
import {
  type Broken,
  type ClaimedRecord,
  type Done,
  type Interrupted,
  type Outcome,
  type Settlement,
  type Share,
  settle,
} from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { BrokenRun } from '../flows/broken-run.ts';
import { ChunkResult, redactedOfAll, redactedShares } from '../flows/chunk-result.ts';
import type { Flow, RunContext } from '../flows/flow.ts';
import { redactionOf } from '../flows/redaction.ts';
import { storedResult } from '../flows/stored-result.ts';
import { faultPoint } from './fault-points.ts';
import type { JobTrace } from './job-trace.ts';
import { LeaseLost } from './lease-lost.ts';
import { type Log, nameOf } from './log.ts';
import type { Observer } from './observer.ts';
import { progressJson } from './progress-keeper.ts';

/** What every attempt of one lane shares. */
export interface AttemptContext {
  readonly batchJobId: string;
  readonly flow: Flow;
  readonly params: JsonObject;
  readonly connectors: ConnectorRegistry;
  /** Records in the job, as far as they have been read. */
  readonly total: () => number;
  /** Of an attempt that begins now: aborted when it has to end. */
  readonly signal: AbortSignal;
  readonly state: RunContext['state'];
  readonly glob: RunContext['glob'];
  /** Keeps progress where it outlives the process; false: it cannot be kept. */
  readonly keep: (record: ClaimedRecord, progress: Progress) => Promise<boolean>;
  readonly log: Log;
  readonly observer?: Observer | undefined;
  readonly trace?: JobTrace | undefined;
}

/** What one run of the flow is over. */
export interface RunMaterial {
  /** The record, or the first one of a chunk. */
  readonly record: ClaimedRecord;
  readonly payload: JsonValue;
  readonly indexes?: readonly number[] | undefined;
  readonly members?: readonly string[] | undefined;
  readonly progress: Progress | undefined;
}

/** What one run came to. */
export type RunOutcome = Shared | Outcome;

/** The records of a chunk fared differently. */
export interface Shared extends Done {
  /** By position, in place of the result. */
  readonly shares: readonly Share[];
}

/** Takes one claimed record through one attempt and says what has to be written. Never rejects. */
export async function processRecord(context: AttemptContext, record: ClaimedRecord): Promise<Settlement> {
  faultPoint('before_call', record.index);
  const outcome = await runFlow(context, { record, payload: record.payload, progress: record.progress });
  faultPoint('after_call', record.index);
  return settle(record, withStoredResult(context, outcome), context.flow.retry, Math.random());
}

/** The answers that mappings get are cut when they are read. */
function withStoredResult({ flow }: AttemptContext, outcome: Outcome): Outcome {
  if (outcome.kind !== 'done' || flow.kind === 'mapping') return outcome;
  return { kind: 'done', result: storedResult(outcome.result) };
}

/** Runs the flow once. Never rejects. */
export function runFlow(context: AttemptContext, material: RunMaterial): Promise<RunOutcome> {
  const { observer, trace, flow } = context;
  const attempt = () => attemptFlow(context, material);
  const run = () => (trace === undefined ? attempt() : trace.attempt(material.record, attempt));
  return observer === undefined ? run() : observed(observer, flow.name, run);
}

async function observed<Any extends Outcome>(
  observer: Observer,
  flowName: string,
  run: () => Promise<Any>,
): Promise<Any> {
  const beganAt = performance.now();
  observer.attemptBegan(flowName);
  const outcome = await run();
  observer.attemptEnded(flowName, performance.now() - beganAt, outcome.kind);
  return outcome;
}

async function attemptFlow(context: AttemptContext, material: RunMaterial): Promise<RunOutcome> {
  const { flow, signal } = context;
  const { record } = material;
  // A mapping has nothing to keep or to say, and is the flow of jobs with a million records.
  const keeping = flow.kind === 'mapping' ? undefined : keepingFor(context, material);
  try {
    const result = await flow.run({
      batchJobId: context.batchJobId,
      params: context.params,
      total: context.total(),
      index: record.index,
      id: record.id,
      revision: record.revision,
      payload: material.payload,
      indexes: material.indexes,
      members: material.members,
      progress: material.progress,
      checkpoint: keeping?.checkpoint,
      connectors: context.connectors,
      signal,
      state: context.state,
      glob: context.glob,
      log: keeping?.log ?? silent,
    });
    const redaction = redactionOf(flow.redact);
    if (result instanceof ChunkResult) {
      const shares = redactedShares(result.shares, redaction, material.payload);
      return { kind: 'done', result: null, shares };
    }
    if (material.indexes === undefined) return { kind: 'done', result };
    return { kind: 'done', result: redactedOfAll(result, redaction, material.payload as JsonValue[]) };
  } catch (error) {
    const outcome = outcomeOf(error, { ...context, signal }, record.index);
    if (outcome.kind === 'broken') {
      // Made unseen before anybody keeps, groups or tells it.
      const failure = redactionOf(flow.redact).failure(outcome.failure, material.payload);
      return withinSize({ ...outcome, failure }, keeping?.kept());
    }
    if (!flow.hasEffects || error instanceof NeverLeft) return outcome;
    // Its calls may have arrived, so the records of a chunk have to make the same calls again.
    const progress = material.indexes && ofRun(material, keeping?.kept() ?? { results: {} });
    return { ...outcome, progress, failure: signal.aborted ? wasCutOff(signal.reason) : undefined };
  }
}

const silent = () => {};

/** Aborts the attempts of a job that is to stand still at once. */
export const cutOff = new Error('the job stands still at once');

const wasCutOff = (reason: unknown): Failure => ({
  class: 'interrupted',
  code: 'cut_off',
  message: `The attempt was cut off, because ${reason === cutOff ? 'the job was paused or cancelled at once' : 'the process that made it was ended'}; its call may have arrived`,
  maybeApplied: true,
});

/** Progress as it is kept with the record, or with the first one of a chunk. */
const ofRun = ({ record, indexes }: RunMaterial, progress: Progress): Progress =>
  indexes === undefined ? progress : { ...progress, indexes, ...refusalsIn(record.progress) };

function keepingFor(context: AttemptContext, material: RunMaterial) {
  const { record, payload, progress: before } = material;
  const redaction = redactionOf(context.flow.redact);
  let kept = before;
  return {
    kept: () => kept,
    async checkpoint(progress: Progress): Promise<void> {
      if (await context.keep(record, ofRun(material, progress))) kept = progress;
    },
    log: (message: string) => sayFor(context, redaction.text(String(message), payload), record.index),
  };
}

/** What a thrown error says about a run. */
export function outcomeOf(
  error: unknown,
  { batchJobId, signal, log }: Pick<AttemptContext, 'batchJobId' | 'signal' | 'log'>,
  index?: number,
): Broken | Interrupted {
  if (error instanceof BrokenRun) {
    return { kind: 'broken', failure: error.failure, progress: error.progress, again: error.again };
  }
  if (error instanceof RecordFailure) return { kind: 'broken', failure: error.failure };
  if (signal.aborted || error instanceof LeaseLost) return { kind: 'interrupted' };
  if (error instanceof SluiceError && error.code === 'database_unavailable') {
    const { code, message } = error;
    return { kind: 'broken', failure: { class: 'transient', code, message } };
  }
  // The text of an unexpected error may hold anything, so only its name goes on.
  const name = nameOf(error);
  log.error(
    { batchJobId, ...(index === undefined ? {} : { index }), error: name },
    'a flow broke unexpectedly',
  );
  const message = `The flow ended with an unexpected ${name}; this is a defect of Sluice or of a step`;
  return { kind: 'broken', failure: { class: 'bug', code: 'unexpected_error', message } };
}

/** Progress that is too large gives way to what was kept before; how often steps have failed still counts. */
function withinSize(outcome: Broken, kept: Progress | undefined): Broken {
  const { progress } = outcome;
  if (progress === undefined || progressJson(progress) !== undefined) return outcome;
  const { failing } = progress;
  return {
    ...outcome,
    progress: { results: kept?.results ?? {}, ...(failing === undefined ? {} : { failing }) },
  };
}

/** A line that a flow writes to the log of the process. */
export function sayFor({ batchJobId, flow, log }: AttemptContext, message: string, index?: number): void {
  const said = foreignText(String(message)) ?? '';
  log.info({ batchJobId, flow: flow.name, ...(index === undefined ? {} : { index }), said }, 'a flow says');
}
