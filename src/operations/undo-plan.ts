import type { JsonObject } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';
import type { JobSource } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import {
  type EarlierIndexes,
  findUndone,
  listEarlierIndexes,
  undoneIndexes,
} from '../store/earlier-records.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';
import { jobFlow } from './job-flow.ts';
import { type NotFound, notFoundIn } from './not-found.ts';
import { refusePurged } from './purged.ts';

/** The flow whose `undo` takes the records of a job back, and what the job was started with. */
export interface Undoing {
  readonly flow: Flow;
  readonly undo: Flow;
  readonly params: JsonObject;
}

/**
 * Finds out how the records of a job are taken back: as the revision it was run with says, else as the flow
 * says today.
 *
 * @throws SluiceError when they cannot be, or not yet.
 */
export async function undoingOf(context: OperationContext, db: Database, job: BatchJob): Promise<Undoing> {
  if (job.undoOf !== null) {
    throw notUndoable(
      `Batch job ${job.id} is itself an undo, of ${job.undoOf}. start_batch {"flow_id": "${job.flow.name}", "source": {"batch_job_id": "${job.undoOf}"}} sends all records of that job again, also those that were not taken back.`,
    );
  }
  if (job.finishedAt === null) {
    throw new SluiceError(
      'batch_job_not_finished',
      `Batch job ${job.id} is still ${job.status}; it can be undone once it has finished. update_batch {"batch_job_id": "${job.id}", "action": "cancel"} ends it. Nothing was changed.`,
    );
  }
  refusePurged(job);
  const { flow: asItWas, params } = await jobFlow(context, db, job);
  const flow = asItWas?.undo === undefined ? await asItIs(context, job) : asItWas;
  if (flow?.undo !== undefined) return { flow, undo: flow.undo, params };
  throw notUndoable(howToAdd(job, flow?.kind === 'code'));
}

async function asItIs({ flows }: OperationContext, { flow }: BatchJob): Promise<Flow | undefined> {
  return flows.find(flow.name).catch((error: unknown) => {
    if (error instanceof SluiceError) return undefined;
    throw error;
  });
}

const notUndoable = (why: string) => new SluiceError('not_undoable', `${why} Nothing was changed.`);

function howToAdd({ flow: { name } }: BatchJob, isCode: boolean): string {
  if (isCode) return `${name} is a code flow, and code flows have no undo.`;
  return `The flow ${name} does not say how a record is taken back. Add it to its file, such as undo: { endpoint: "/customers/{{ result.body.id }}" } (DELETE unless method says otherwise; the flow reference has more), then try again.`;
}

/** Which succeeded records of a job are taken back. */
export interface UndoSelection {
  readonly statuses?: readonly ('succeeded' | 'retried_success')[] | undefined;
  readonly indexes?: readonly number[] | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** What an undo would do. */
export interface UndoPlan extends EarlierIndexes {
  readonly source: JobSource;
  /** Records of the selection that have been taken back already. */
  readonly undoneAlready: number;
  readonly notFound: NotFound;
}

/** @throws SluiceError when there is nothing to take back, or it is being done. */
export async function planUndo(db: Database, job: BatchJob, selection: UndoSelection): Promise<UndoPlan> {
  const { underWay } = await findUndone(db, job.id);
  if (underWay !== null) throw undoneRightNow(job.id, underWay);
  const { indexes, ids, statuses = ['succeeded', 'retried_success'] } = selection;
  const source: JobSource = {
    kind: 'job',
    as: 'undo',
    batchJobId: job.id,
    wave: job.wave,
    statuses,
    ...(indexes === undefined ? {} : { indexes }),
    ...(ids === undefined ? {} : { ids }),
  };
  const undone = await undoneIndexes(db, job.id);
  const all = await listEarlierIndexes(db, source);
  const left = (list: readonly number[]) => list.filter((index) => !undone.has(index));
  const plan = { source, indexes: left(all.indexes), withoutResult: left(all.withoutResult) };
  const undoneAlready = all.indexes.length - plan.indexes.length;
  if (plan.indexes.length > 0) {
    return { ...plan, undoneAlready, notFound: await notFoundIn(db, job.id, { statuses, indexes, ids }) };
  }
  const { succeeded, retried_success } = job.counts;
  throw new SluiceError(
    'nothing_to_undo',
    `No record of batch job ${job.id} is left to be taken back: ${succeeded + retried_success} succeeded, ${all.indexes.length} of them fit the selection, and ${undoneAlready} of these have been taken back already. Nothing was changed.`,
  );
}

export function undoneRightNow(batchJobId: string, underWay: string | null): SluiceError {
  const which = underWay === null ? 'Another batch job' : `Batch job ${underWay}`;
  const look =
    underWay === null
      ? 'list_batch_jobs shows it.'
      : `get_batch_status {"batch_job_id": "${underWay}", "wait_seconds": 30} follows it.`;
  return new SluiceError(
    'already_running',
    `${which} is taking the records of ${batchJobId} back right now. ${look} Nothing was started.`,
  );
}
