import type { JobStatus, RecordCounts } from '../domain/job.ts';
import { readStandings, type Standing } from '../store/standings.ts';
import type { OperationContext } from './context.ts';
import { getBatchJob } from './find-batch-job.ts';

/** How far a job has come, for those who want to hear of every change. */
export interface BatchState {
  readonly batch_job_id: string;
  readonly status: JobStatus;
  readonly finished: boolean;
  readonly wave: number;
  readonly total: number;
  readonly counts: RecordCounts;
}

/** @throws SluiceError when there is no such job */
export async function batchState(context: OperationContext, reference: string): Promise<BatchState> {
  const { db } = await context.open();
  const { id, status, finishedAt, wave, total, counts } = await getBatchJob(db, reference);
  return { batch_job_id: id, status, finished: finishedAt !== null, wave, total, counts };
}

/** Of those of the jobs that the caller may see, in one look. */
export async function batchStates(
  context: OperationContext,
  batchJobIds: readonly string[],
): Promise<BatchState[]> {
  const { db } = await context.open();
  return (await readStandings(db, batchJobIds)).map(describe);
}

const describe = ({ id, status, isFinished, wave, total, counts }: Standing): BatchState => ({
  batch_job_id: id,
  status,
  finished: isFinished,
  wave,
  total,
  counts,
});
