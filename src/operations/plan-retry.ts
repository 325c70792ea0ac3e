import type { JsonValue } from '../domain/json.ts';
import { idOf, isTextual, orderKeyOf } from '../engine/new-record.ts';
import type { Flow } from '../flows/flow.ts';
import type { Redaction } from '../flows/redaction.ts';
import { fullRedaction, redactionOf } from '../flows/redaction.ts';
import type { FileSource } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import { findUndone } from '../store/earlier-records.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Renamed, Repinning } from '../store/requeue.ts';
import { countCandidates, listCandidates } from '../store/retry-candidates.ts';
import type { RetrySelection } from '../store/retry-selection.ts';
import type { StagedRecord } from '../store/staged-patches.ts';
import { openFile } from './batch-source.ts';
import { checkApproval } from './check-approval.ts';
import type { OperationContext } from './context.ts';
import { draftRetry } from './draft-retry.ts';
import { jobFlow } from './job-flow.ts';
import { type NotFound, notFoundIn, told } from './not-found.ts';
import { RetryDraft } from './retry-draft.ts';
import { repinLatest } from './retry-flow.ts';
import { isWhole, type PatchInput, type SelectInput, selectionOf, whereOf } from './retry-input.ts';
import { refuseTakenIds } from './taken-ids.ts';
import { undoneRightNow } from './undo-plan.ts';

export interface RetryWish {
  readonly select?: SelectInput | undefined;
  readonly patch?: PatchInput | undefined;
  readonly flow_version?: 'same' | 'latest' | undefined;
  readonly concurrency?: number | undefined;
  readonly preview?: boolean | undefined;
}

/** What a retry comes to, once every record has been looked at. */
export interface Drafted {
  readonly selected: number;
  readonly patched: number;
  readonly unread: number;
  readonly undecided: number;
  readonly renamed: readonly Renamed[];
  readonly notFound: NotFound;
  readonly samples: ReturnType<RetryDraft['samples']>;
}

export interface RetryPlan {
  readonly selection: RetrySelection;
  /** The records are put down one by one beforehand. */
  readonly isStaged: boolean;
  readonly isPatching: boolean;
  readonly concurrency: number;
  readonly readOn: boolean;
  /** There may be something to do although no record is selected. */
  readonly mayGoOn: boolean;
  readonly repin: Repinning | undefined;
  /** @throws SluiceError `invalid_input` when a patch does not work out for every record. */
  draft(stage: (records: readonly StagedRecord[]) => Promise<void>): Promise<Drafted>;
}

/** @throws SluiceError for whatever cannot be done, before anything is. */
export async function planRetry(
  context: OperationContext,
  db: Database,
  job: BatchJob,
  wish: RetryWish,
): Promise<RetryPlan> {
  const { select, patch } = wish;
  const isLastUndo = job.undoOf === null || (await refuseSecondUndo(db, job.undoOf, job.id));
  const selection = { ...selectionOf(select), undoOf: job.undoOf ?? undefined };
  const whole = isWhole(select) && patch === undefined;
  const pinned = await jobFlow(context, db, job);
  const repin = wish.flow_version === 'latest' ? await repinLatest(context, job, pinned.params) : undefined;
  checkApproval(job, pinned.flow, repin?.flow);
  const file = patch?.source && (await openFile(context, patch.source));
  const where = whereOf(select);
  const rules = rulesFor(job, repin?.flow ?? pinned.flow, pinned.flow);
  const means = { db, job, selection, where, patch, file, ...rules, ...limitsOf(context) };
  const isStaged = where !== undefined || patch !== undefined;
  return {
    selection,
    isStaged,
    isPatching: patch !== undefined,
    concurrency: wish.concurrency ?? Math.max(1, Math.floor(job.concurrency / 2)),
    // What it had not read, a later one has seen to.
    readOn: selection.statuses.includes('skipped') && whole && isLastUndo,
    mayGoOn: whole,
    repin,
    draft: (stage) => (isStaged ? draftAll(means, stage) : draftPlain(means, wish.preview === true)),
  };
}

/** Two jobs that take the same records back know nothing of each other. Returns whether this one is the last one made. */
async function refuseSecondUndo(db: Database, undoOf: string, undoJob: string): Promise<boolean> {
  const { underWay, latest } = await findUndone(db, undoOf);
  if (underWay !== null && underWay !== undoJob) throw undoneRightNow(undoOf, underWay);
  return latest === undoJob;
}

const limitsOf = ({ limits: { maxRecordBytes }, signal }: OperationContext) => ({ maxRecordBytes, signal });

interface Rules {
  readonly checkInput: (payload: JsonValue) => string | undefined;
  readonly idOf: (payload: JsonValue) => string | null;
  readonly orderKeyOf: (payload: JsonValue) => string | null;
  readonly redaction: Redaction;
}

interface Means extends Rules {
  readonly db: Database;
  readonly job: BatchJob;
  readonly selection: RetrySelection;
  readonly where: ReturnType<typeof whereOf>;
  readonly patch: PatchInput | undefined;
  readonly file: FileSource | undefined;
  readonly maxRecordBytes: number;
  readonly signal: AbortSignal;
}

/** `next` is the flow that the records will go through, `shown` the one that says what may be seen. */
function rulesFor(job: BatchJob, next: Flow | undefined, shown: Flow | undefined): Rules {
  const redaction = shown === undefined ? fullRedaction : redactionOf(shown.redact);
  const textual = isTextual(job.source);
  return {
    redaction,
    idOf: (payload) => idOf(payload, job.idField, shown?.redact),
    orderKeyOf: (payload) => orderKeyOf(payload, job.orderBy),
    checkInput(payload) {
      const failure = next?.checkInput?.(payload, textual);
      return failure && redaction.failure(failure, payload).message;
    },
  };
}

async function draftAll(
  means: Means,
  stage: (records: readonly StagedRecord[]) => Promise<void>,
): Promise<Drafted> {
  const draft = new RetryDraft({ ...means, stage });
  const { undecided, notChosen } = await draftRetry(draft, means);
  await refuseTakenIds(means.db, means.job, draft);
  draft.refuseProblems();
  const { selected, patched, unread, renamed } = draft;
  const inFile = notChosen.length === 0 ? {} : { in_file: told(notChosen) };
  const notFound = { ...(await notFoundIn(means.db, means.job.id, means.selection)), ...inFile };
  return { selected, patched, unread, undecided, renamed, notFound, samples: draft.samples() };
}

/** Nothing has to be looked at record by record, but for the samples of a preview. */
async function draftPlain(means: Means, withSamples: boolean): Promise<Drafted> {
  const { db, job, selection } = means;
  const { count, unread } = await countCandidates(db, job.id, selection);
  const draft = new RetryDraft({ ...means, async stage() {} });
  if (withSamples) {
    const first = await listCandidates(db, job.id, selection).next();
    for (const candidate of first.done === true ? [] : first.value) draft.add(candidate, candidate.payload);
  }
  const notFound = await notFoundIn(db, job.id, selection);
  const samples = draft.samples();
  return { selected: count - unread, patched: 0, unread, undecided: 0, renamed: [], notFound, samples };
}
