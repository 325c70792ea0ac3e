import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, RecordFailure } from '../../src/domain/failure.ts';
import { noRetry, type RetryPolicy } from '../../src/domain/retry-policy.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { EngineOptions } from '../../src/engine/engine-options.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { createJob, type NewJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { type BatchJob, findJob } from '../../src/store/jobs.ts';
import { noConnectors } from './connectors.ts';
import { newJob } from './jobs.ts';

/** A flow of a test: what happens to a record is up to `run`. */
export function testFlow(run: Flow['run'], more: Partial<Flow> = {}): Flow {
  return {
    flowId: '00000000-0000-5000-8000-000000000000',
    name: 'test-flow',
    version: 1,
    revision: 'revision',
    description: null,
    text: 'flow: test-flow',
    kind: 'steps',
    hasEffects: true,
    retry: noRetry,
    afterFailure: 'log',
    batch: {},
    chunk: undefined,
    parameters: [],
    connectors: [],
    needs: { codeSteps: [], variables: [], approval: [] },
    expects: [],
    summary: 'a test',
    run,
    trace: undefined,
    ...more,
  };
}

export const quickRetry = (retries: number, delayMs = 20): RetryPolicy => ({
  retries,
  backoff: 'fixed',
  delayMs,
  maxDelayMs: 1000,
  jitter: false,
});

export function fail(errorClass: Failure['class'], more: Partial<Failure> = {}): never {
  throw new RecordFailure({ class: errorClass, code: 'test_failure', message: 'The test said so', ...more });
}

export const quietLog = { info() {}, warn() {}, error() {} };

export function testEngine(db: Database, flow: Flow, more: Partial<EngineOptions> = {}): Engine {
  return new Engine({
    db,
    holder: 'test',
    leaseMs: 15_000,
    maxRecordBytes: 1024 * 1024,
    compile: () => flow,
    openConnectors: async () => noConnectors(),
    log: quietLog,
    ...more,
  });
}

/** Makes a job of `count` records for a flow, as start_batch would, and an engine that runs it. */
export async function runFlow(
  db: Database,
  flow: Flow,
  count: number,
  more: Partial<NewJob> = {},
  options: Partial<EngineOptions> = {},
): Promise<{ id: string; engine: Engine }> {
  const ofFlow = { chunkSize: flow.chunk?.size ?? 1, hasEnd: flow.atEnd !== undefined };
  const job = newJob(count, { ...ofFlow, ...more });
  const engine = testEngine(db, flow, options);
  await createJob(db, job);
  await engine.adopt(job.id);
  return { id: job.id, engine };
}

/** The job once `condition` holds of it; fails after `ms`. Looks every few milliseconds and checks the counts each time. */
export async function jobWhen(
  db: Database,
  batchJobId: string,
  condition: (job: BatchJob) => boolean,
  ms = 20_000,
): Promise<BatchJob> {
  const until = performance.now() + ms;
  for (;;) {
    const job = await findJob(db, batchJobId);
    if (job === undefined) throw new Error('the job is gone');
    const sum = Object.values(job.counts).reduce((total, count) => total + count, 0);
    if (sum !== job.total) throw new Error(`counts ${JSON.stringify(job.counts)} are not ${job.total}`);
    if (condition(job)) return job;
    if (performance.now() > until)
      throw new Error(`in vain: ${JSON.stringify({ ...job, source: undefined })}`);
    await sleep(5);
  }
}

export const finished = (job: BatchJob) => job.finishedAt !== null;
