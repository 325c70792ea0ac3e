import { type DuplicateAction, defaultFailureWindow, type FailurePolicy, type Ramp } from '../domain/job.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { violatesUniqueness } from './database-fault.ts';
import { countBad, insertRecordsSql, type NewRecord, rowsJson } from './intake.ts';
import { noting } from './job-events.ts';
import type { PinnedFlow } from './jobs.ts';
import { logRefused, logSortedRefused } from './refused-rows.ts';
import type { FlowKind } from './schema.ts';
import { type IntakeRules, insertSorted, sortedCounts, sortRows, takesAll } from './sorted-rows.ts';
import { successScope } from './success-scope.ts';

/** A job as it is asked for. */
export interface NewJob {
  readonly id: string;
  readonly flow: PinnedFlow & { readonly text: string };
  /** What compiles the text; default `yaml`. */
  readonly flowKind?: FlowKind;
  /** Default: none. */
  readonly params?: JsonObject;
  /** Records in one run of the flow, at most; default 1. */
  readonly chunkSize?: number;
  /** The flow has a part that runs when the job ends; default false. */
  readonly hasEnd?: boolean;
  readonly label: string | null;
  /** What the records come from, as it is shown and opened again. */
  readonly source: object;
  /** The same for two starts over the same rows with the same params. */
  readonly sourceDigest: string;
  readonly allowRepeat: boolean;
  readonly idempotencyKey: string | null;
  readonly requestDigest: string;
  readonly idField: string | null;
  readonly policy: FailurePolicy;
  readonly concurrency: number;
  /** Records started in this time at most, such as `10/s`; default: as many as can be. */
  readonly rate?: string | null;
  readonly ramp?: Ramp | null;
  readonly orderBy?: string | null;
  readonly duplicates?: DuplicateAction;
  readonly skipUnchanged?: boolean;
  readonly planDigest?: string | null;
  /** A person has to agree before the job begins. */
  readonly awaitsApproval?: boolean;
  /** The job whose records this one takes back. */
  readonly undoOf?: string | null;
  /** All the records, or undefined when a lane will read them from the source. */
  readonly records: readonly NewRecord[] | undefined;
  /** The process that will run the job from the first moment. */
  readonly holder: string;
  readonly leaseMs: number;
}

const jobDefaults = {
  flowKind: 'yaml',
  params: {},
  chunkSize: 1,
  hasEnd: false,
  rate: null,
  ramp: null,
  orderBy: null,
  duplicates: 'allow',
  skipUnchanged: false,
  planDigest: null,
  awaitsApproval: false,
  undoOf: null,
} satisfies Partial<NewJob>;

const policyDefaults = {
  maxFailureRate: null,
  failureWindow: defaultFailureWindow,
  onLimit: 'fail',
  callback: null,
} satisfies Partial<FailurePolicy>;

const awaitingApproval = 'The flow wants a person to agree before anything is sent.';

function startedMessage({ flow, records, awaitsApproval = false }: NewJob): string {
  const rows = records === undefined ? 'the rows of its source' : `${records.length} records`;
  const what = `with flow ${flow.name}, revision ${flow.revision}, and ${rows}`;
  return awaitsApproval ? `Made ${what}; it waits for approval.` : `Started ${what}.`;
}

export type Creation = 'created' | 'key_taken' | 'already_running';

/**
 * Makes a job, its inline records and the lease of the process that starts it, all or nothing.
 *
 * Repeating it with the same id changes nothing. `already_running`: an unfinished job has the same
 * flow and source.
 */
export async function createJob(db: Database, asked: NewJob): Promise<Creation> {
  const job = { ...jobDefaults, ...asked };
  const policy = { ...policyDefaults, ...asked.policy };
  const owner = db.owner ?? null;
  const rules = { ...job, flowName: successScope(owner, job.flow.name) };
  // A retry of an undo takes its own again: see requeue.ts.
  const guard = owner === null ? job.sourceDigest : `${owner} ${job.sourceDigest}`;
  const awaits = job.awaitsApproval;
  const rows = job.records ?? [];
  try {
    await db.run(
      (sql) => sql`
        with revision as (
          insert into flow_revisions (revision, flow_name, body, kind)
          values (${job.flow.revision}, ${job.flow.name}, ${job.flow.text}, ${job.flowKind})
          on conflict do nothing
        ), ${countedRows(sql, job.id, rows, rules)}, job as (
          insert into batch_jobs (
            id, flow_id, flow_name, flow_version, flow_revision, label, source, source_digest, repeat_guard,
            owner, idempotency_key, request_digest, id_field, params, chunk_size, has_end, continue_on_error, on_record_failure, max_failures,
            max_failure_rate, failure_window, on_limit, callback, rate, ramp, order_by, duplicates, skip_unchanged,
            plan_digest, undo_of, status, pause_kind, pause_message, paused_at,
            concurrency, wave_concurrency, intake, intake_position, total, pending, failed, wave_failed,
            skipped, set_aside, new_records, changed_records)
          values (
            ${job.id}, ${job.flow.flowId}, ${job.flow.name}, ${job.flow.version}, ${job.flow.revision},
            ${job.label}, ${JSON.stringify(job.source)}::text::jsonb, ${job.sourceDigest},
            ${job.allowRepeat ? null : guard}, ${owner}, ${job.idempotencyKey}, ${job.requestDigest},
            ${job.idField}, ${JSON.stringify(job.params)}::text::jsonb, ${job.chunkSize},
            ${job.hasEnd}, ${policy.continueOnError}, ${policy.onRecordFailure},
            ${policy.maxFailures}, ${policy.maxFailureRate}, ${policy.failureWindow},
            ${policy.onLimit}, ${policy.callback}, ${job.rate},
            ${job.ramp && JSON.stringify(job.ramp)}::text::jsonb, ${job.orderBy},
            ${job.duplicates}, ${job.skipUnchanged}, ${job.planDigest},
            ${job.undoOf}::uuid,
            case when ${awaits} then 'paused' else 'pending' end::job_status,
            case when ${awaits} then 'approval' end::pause_kind,
            case when ${awaits} then ${awaitingApproval} end, case when ${awaits} then now() end, ${job.concurrency}, ${job.concurrency},
            ${job.records === undefined ? 'reading' : 'done'}, ${rows.length}, ${rows.length},
            ${rows.length} - (select failed + aside from counted), (select failed from counted),
            (select failed from counted), (select aside from counted), (select aside from counted),
            (select new from counted), (select changed from counted))
          on conflict (id) do nothing
          returning *
        ), held as (
          insert into leases (job_id, token, holder, until)
          select id, nextval('lease_tokens'), ${job.holder}, now() + ${job.leaseMs} * interval '1 millisecond'
          from job
        ), ${takesAll(rules) ? logRefused(sql, rows, 0) : logSortedRefused(sql)}
        ${noting(sql, 'job', 'started', sql`${startedMessage(job)}::text`, db.actor)}
        ${takesAll(rules) ? insertRecordsSql(sql, rows, 0) : insertSorted(sql, false)}`,
    );
    return 'created';
  } catch (error) {
    if (!violatesUniqueness(error)) throw error;
    return error.constraint === 'batch_jobs_owned_key' ? 'key_taken' : 'already_running';
  }
}

/** CTEs that end in `counted`: how many of the rows begin with which status. */
function countedRows(sql: Sql, id: string, rows: readonly NewRecord[], rules: IntakeRules): Fragment {
  if (!takesAll(rules))
    return sql`${sortRows(sql, id, rowsJson(rows, 0), rules)}, counted as (${sortedCounts(sql, rules)})`;
  return sql`counted as (select ${countBad(rows)}::int as failed, 0 as aside, 0 as new, 0 as changed)`;
}
