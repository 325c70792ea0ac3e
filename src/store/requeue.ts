import type { JsonObject } from '../domain/json.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { violatesUniqueness } from './database-fault.ts';
import { noting } from './job-events.ts';
import type { PinnedFlow } from './jobs.ts';
import { type KeyedRetry, keepKey } from './retry-keys.ts';
import { isUnread, type RetrySelection, selectedBy } from './retry-selection.ts';
import type { FlowKind } from './schema.ts';
import { begunMark } from './staged-patches.ts';
import { storableJson } from './storable-json.ts';

/** The flow revision a job goes on with. */
export interface Repinning {
  readonly flow: PinnedFlow & { readonly text: string };
  readonly flowKind: FlowKind;
  readonly params: JsonObject;
  readonly chunkSize: number;
  readonly hasEnd: boolean;
}

/** A record whose patch has given it another id of its own, or another key that its order goes by. */
export interface Renamed {
  readonly index: number;
  readonly id?: string;
  /** null: it waits for no other any more. */
  readonly orderKey?: string | null;
}

export interface Retry {
  readonly batchJobId: string;
  /** Names this retry, so that its repeat can be told from another one. */
  readonly retryId: string;
  /** The job's wave as it was seen; the retry begins the next one. */
  readonly wave: number;
  readonly selection: RetrySelection;
  /** Only records that were staged under the retry's id, with the payloads that were. */
  readonly staged?: boolean;
  readonly renamed?: readonly Renamed[];
  readonly concurrency: number;
  /** An intake that was cut short goes on. */
  readonly readOn: boolean;
  /** An end part that failed is reason enough for another wave. */
  readonly endAgain: boolean;
  /** Records of one key run one after the other. */
  readonly ordered?: boolean;
  /** Default: the flow stays as it is. */
  readonly repin?: Repinning | undefined;
  /** Kept with the wave, so that the same call can be answered again. */
  readonly keyed?: KeyedRetry | undefined;
}

export interface Requeued {
  readonly selected: number;
  readonly wave: number;
  /** The rest of the source will be read as well. */
  readonly readsOn: boolean;
}

/**
 * Sends records of a finished job into another wave: failed ones one wave up, skipped ones in theirs.
 *
 * An intake that broke goes on only once nothing is skipped any more, since it may break again and skip
 * everything anew. A payload that is replaced is kept as a version. An undo job keeps other undo jobs of the same
 * records from running meanwhile, and reads on only where none has been made since. Returns undefined, having changed
 * nothing, when the job has not finished, its wave is not `wave` any more, or there is nothing to do;
 * `already_running` when another undo job is at the same records.
 */
export async function requeueRecords(
  db: Database,
  retry: Retry,
): Promise<Requeued | 'already_running' | undefined> {
  try {
    return await requeue(db, retry);
  } catch (error) {
    if (violatesUniqueness(error) && error.constraint === 'batch_jobs_repeat_guard') return 'already_running';
    throw error;
  }
}

async function requeue(db: Database, retry: Retry): Promise<Requeued | undefined> {
  const { batchJobId, retryId, wave, selection, staged = false, concurrency, readOn, endAgain } = retry;
  const [row] = await db.run(
    (sql) => sql<Requeued[]>`
      with job as materialized (
        select id, ${readOn} and intake = 'stopped'
          and (stop_reason is distinct from 'source_broken' or skipped = set_aside)
          and not ${hasLaterUndo(sql)} as reads_on,
          ${endAgain} and has_end and ending_failure is not null as ends_again
        from batch_jobs
        where id = ${batchJobId} and finished_at is not null and wave = ${wave} and purged_at is null
        for update
      ), chosen as materialized (
        select ctid as at from records
        where job_id = (select id from job) and ${selectedBy(sql, selection)} and ${amongStaged(sql, retry)}
      ), before as materialized (
        select records.ctid as at, status as old, ${held(sql, retry)} as held, ${newKey(sql, retry)} as new_key,
          ${staged ? sql`staged.payload` : sql`null::json`} as patch, ${newId(sql, retry)} as new_id
        from records ${staged ? sql`join staged_patches staged on staged.retry_id = ${retryId} and staged.idx = records.idx` : sql``}
        where records.ctid = any(array(select at from chosen))
      )${staged ? sql`, ${keepVersions(sql)}` : sql``}${retry.repin === undefined ? sql`` : sql`, ${addRevision(sql, retry.repin)}`}
      , requeued as (
        update records set
          status = 'pending', wave = case when before.old = 'skipped' then wave else wave + 1 end,
          tries = 0, crashes = 0, not_before = 'epoch', settled_at = null, result = null, held = before.held,
          payload = coalesce(before.patch, records.payload), record_id = coalesce(before.new_id, records.record_id), order_key = before.new_key,
          revision = records.revision + (before.patch is not null)::int,
          progress = case when progress is not null then
            json_build_object('results', progress->'results', 'indexes', progress->'indexes', 'refused', progress->'refused') end
        from before
        where records.ctid = before.at and records.status = before.old
        returning before.old
      ), moved as (
        select count(*)::int as count,
          count(*) filter (where old = 'failed') as failed,
          count(*) filter (where old = 'retried_failed') as retried_failed,
          count(*) filter (where old = 'skipped') as skipped
        from requeued
      )
      , begun as (update batch_jobs as target set
        pending = target.pending + moved.count,
        failed = target.failed - moved.failed,
        retried_failed = target.retried_failed - moved.retried_failed,
        skipped = target.skipped - moved.skipped,
        status = 'processing', finished_at = null,
        repeat_guard = case when target.undo_of is not null then concat_ws(' ', target.owner, target.source_digest) end,
        stop_reason = case when target.stop_reason = 'source_broken' and not job.reads_on then target.stop_reason end,
        stop_message = case when job.reads_on then null else target.stop_message end,
        intake = case when job.reads_on then 'reading' else target.intake end::intake_state,
        wave = target.wave + 1, wave_failed = 0, failures_forgiven = 0, wave_tried = 0, cancel_now = false,
        wave_concurrency = ${concurrency}, peak_concurrency = 0,
        wave_started_at = now(), wave_base = total - moved.count, claimed_to = intake_position - 1${retry.repin === undefined ? sql`` : sql`, ${repinned(sql, retry.repin)}`}
      from moved, job
      where target.id = job.id and (moved.count > 0 or job.reads_on or job.ends_again)
      returning target.id, moved.count as selected, target.wave, job.reads_on as "readsOn"
      ), marked as (
        insert into staged_patches (retry_id, idx) select ${retryId}::uuid, ${begunMark} from begun
      )${retry.keyed === undefined ? sql`` : sql`, ${keepKey(sql, retry.keyed)}`}, ${noting(sql, 'begun', 'retried', retriedMessage(sql), db.actor)}
      select selected, wave, "readsOn" from begun`,
    deadlineMs,
  );
  return row;
}

/** Condition on an undo job: another one, made later, has seen to what this one left. */
const hasLaterUndo = (sql: Sql): Fragment => sql`
  exists (
    select from batch_jobs later
    where later.undo_of = batch_jobs.undo_of and later.created_at > batch_jobs.created_at)`;

/** A million records take several seconds. */
const deadlineMs = 55_000;

const retriedMessage = (sql: Sql) => sql`
  format('Wave %s began with %s record%s%s.', wave, selected, case when selected = 1 then '' else 's' end,
    case when "readsOn" then ' and the rows that were not read' else '' end)`;

/** What could not be read has nothing to send, unless something was staged in its place. */
const amongStaged = (sql: Sql, { staged, retryId }: Retry): Fragment =>
  staged === true
    ? sql`idx = any(array(select idx from staged_patches where retry_id = ${retryId}))`
    : sql`not ${isUnread(sql)}`;

/** Of each order key only the first may run; while rows may still come, not even that. */
function held(sql: Sql, retry: Retry): Fragment {
  if (retry.ordered !== true) return sql`held`;
  const key = newKey(sql, retry);
  return sql`${key} is not null and (
    (select reads_on from job) or row_number() over (partition by ${key} order by records.idx) > 1)`;
}

/** The sub-query reads the list once for all records. */
function newId(sql: Sql, { renamed = [] }: Retry): Fragment {
  const ids = renamed.flatMap(({ index, id }) => (id === undefined ? [] : [[index, id]]));
  if (ids.length === 0) return sql`null::text`;
  return sql`(select ${storableJson(Object.fromEntries(ids))}::text::jsonb)->>records.idx::text`;
}

function newKey(sql: Sql, { renamed = [] }: Retry): Fragment {
  const keys = renamed.flatMap(({ index, orderKey }) => (orderKey === undefined ? [] : [[index, orderKey]]));
  if (keys.length === 0) return sql`order_key`;
  const list = sql`(select ${storableJson(Object.fromEntries(keys))}::text::jsonb)`;
  return sql`case when ${list} ? records.idx::text then ${list}->>records.idx::text else order_key end`;
}

const keepVersions = (sql: Sql) => sql`
  versions as (
    insert into payload_versions (job_id, idx, revision, payload)
    select records.job_id, records.idx, records.revision, records.payload
    from records join before on records.ctid = before.at
    where before.patch is not null
    on conflict do nothing
  )`;

const addRevision = (sql: Sql, { flow, flowKind }: Repinning) => sql`
  added_revision as (
    insert into flow_revisions (revision, flow_name, body, kind)
    select ${flow.revision}, ${flow.name}, ${flow.text}, ${flowKind} from job
    on conflict do nothing
  )`;

const repinned = (sql: Sql, { flow, params, chunkSize, hasEnd }: Repinning) => sql`
  flow_id = ${flow.flowId}, flow_version = ${flow.version}, flow_revision = ${flow.revision},
  params = ${JSON.stringify(params)}::text::jsonb, chunk_size = ${chunkSize}, has_end = ${hasEnd}`;
