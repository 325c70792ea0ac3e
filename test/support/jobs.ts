import { v7 as uuidv7 } from 'uuid';
import type { Failure } from '../../src/domain/failure.ts';
import { type RecordStatus, recordStatuses } from '../../src/domain/record.ts';
import { createJob, type NewJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { shownStatus } from '../../src/store/fresh-claims.ts';
import { acquireLease, type Lease } from '../../src/store/leases.ts';
import { type Requeued, type Retry, requeueRecords } from '../../src/store/requeue.ts';
import type { RetrySelection } from '../../src/store/retry-selection.ts';

export const leaseMs = 60_000;

/** A job as a test needs it, with `count` inline records {n: 0}, {n: 1}, … unless told otherwise. */
export function newJob(count: number, more: Partial<NewJob> = {}): NewJob {
  const id = uuidv7();
  return {
    id,
    flow: { flowId: uuidv7(), name: 'test-flow', version: 1, revision: 'revision', text: 'flow: test-flow' },
    label: null,
    source: { kind: 'inline' },
    sourceDigest: id,
    allowRepeat: false,
    idempotencyKey: null,
    requestDigest: 'digest',
    idField: null,
    policy: { continueOnError: true, onRecordFailure: 'log', maxFailures: null },
    concurrency: 5,
    records: Array.from({ length: count }, (_, n) => ({ id: `id-${n}`, json: JSON.stringify({ n }) })),
    holder: 'test',
    leaseMs,
    ...more,
  };
}

/** Makes a job and takes its lane. */
export async function startJob(db: Database, job: NewJob): Promise<Lease> {
  await createJob(db, job);
  const lease = await acquireLease(db, job.id, job.holder, leaseMs);
  if (lease === undefined) throw new Error('the lane of a new job is free for its holder');
  return lease;
}

export type StatusCounts = Partial<Record<RecordStatus, number>>;

/** What the records stand at, without the zeros. */
export async function countRows(db: Database, batchJobId: string): Promise<StatusCounts> {
  const rows = await db.run(
    (sql) => sql<{ status: RecordStatus; count: number }[]>`
      select ${shownStatus(sql)} as status, count(*)::int as count
      from records join batch_jobs job on job.id = records.job_id
      where job_id = ${batchJobId} group by 1`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/** What the job's counters say, without the zeros. */
export async function countersOf(db: Database, batchJobId: string): Promise<StatusCounts> {
  const [row] = await db.run(
    (sql) => sql<Record<RecordStatus, number>[]>`select * from batch_jobs where id = ${batchJobId}`,
  );
  return Object.fromEntries(
    recordStatuses.flatMap((status) => (row?.[status] ? [[status, row[status]] as const] : [])),
  );
}

export const failureOf = (errorClass: Failure['class'], more: Partial<Failure> = {}): Failure => ({
  class: errorClass,
  code: 'test_failure',
  message: 'The test said so',
  ...more,
});

/** Makes a lease look as if its holder had died long ago. */
export async function letLapse(db: Database, batchJobId: string): Promise<void> {
  await db.run(
    (sql) => sql`update leases set until = now() - interval '1 second' where job_id = ${batchJobId}`,
  );
}

/** Begins another wave of a finished job, as a plain retry does. */
export async function requeue(
  db: Database,
  batchJobId: string,
  wave: number,
  selection: RetrySelection,
  concurrency = 1,
  more: Partial<Pick<Retry, 'readOn' | 'endAgain' | 'ordered' | 'renamed'>> = {},
): Promise<Requeued | undefined> {
  const requeued = await requeueRecords(db, {
    batchJobId,
    retryId: uuidv7(),
    wave,
    selection,
    concurrency,
    readOn: false,
    endAgain: false,
    ...more,
  });
  if (requeued === 'already_running') throw new Error('another undo job is under way');
  return requeued;
}
