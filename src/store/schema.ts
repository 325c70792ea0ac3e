import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  json,
  jsonb,
  pgEnum,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Failure } from '../domain/failure.ts';
import {
  duplicateActions,
  jobStatuses,
  limitActions,
  pauseKinds,
  type Ramp,
  recordFailureActions,
  setAsideReasons,
  stopReasons,
} from '../domain/job.ts';
import type { JobEventKind } from '../domain/job-event.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { Progress } from '../domain/progress.ts';
import { recordStatuses } from '../domain/record.ts';
import type { Throttle } from '../domain/throttle.ts';

export const recordStatus = pgEnum('record_status', recordStatuses);
export const jobStatus = pgEnum('job_status', jobStatuses);
export const stopReason = pgEnum('stop_reason', stopReasons);
export const recordFailureAction = pgEnum('record_failure_action', recordFailureActions);
export const pauseKind = pgEnum('pause_kind', pauseKinds);
export const limitAction = pgEnum('limit_action', limitActions);
export const duplicateAction = pgEnum('duplicate_action', duplicateActions);
export const setAsideReason = pgEnum('set_aside_reason', setAsideReasons);
/** reading: rows may still come; done: all are here; stopped: cut short, can go on later. */
export const intakeState = pgEnum('intake_state', ['reading', 'done', 'stopped']);

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const counter = (name: string) => integer(name).notNull().default(0);

/**
 * What compiles the text of a revision: `yaml` is read anew, `code` has to be loaded from its file, `operations` are
 * calls of a connector that come with the records.
 */
export const flowKinds = ['yaml', 'code', 'operations'] as const;
export type FlowKind = (typeof flowKinds)[number];

export const flowRevisions = pgTable('flow_revisions', {
  revision: text('revision').primaryKey(),
  flowName: text('flow_name').notNull(),
  body: text('body').notNull(),
  kind: text('kind').$type<FlowKind>().notNull().default('yaml'),
  createdAt: moment('created_at').notNull().defaultNow(),
});

export const batchJobs = pgTable(
  'batch_jobs',
  {
    id: uuid('id').primaryKey(),
    flowId: uuid('flow_id').notNull(),
    flowName: text('flow_name').notNull(),
    flowVersion: integer('flow_version'),
    flowRevision: text('flow_revision').notNull(),
    label: text('label'),
    status: jobStatus('status').notNull().default('pending'),
    stopReason: stopReason('stop_reason'),
    /** Why the job stopped, in words for the caller. */
    stopMessage: text('stop_message'),
    source: jsonb('source').notNull(),
    sourceDigest: text('source_digest').notNull(),
    /** The source digest while a second start of the same work has to be refused. */
    repeatGuard: text('repeat_guard'),
    /** Whose job it is, among those who come over HTTP; null: it was started on this machine. */
    owner: text('owner'),
    idempotencyKey: text('idempotency_key'),
    requestDigest: text('request_digest').notNull(),
    idField: text('id_field'),
    params: jsonb('params').$type<JsonObject>().notNull().default({}),
    /** Records in one run of the flow, at most: with the concurrency what a crash can leave under way. */
    chunkSize: integer('chunk_size').notNull().default(1),
    continueOnError: boolean('continue_on_error').notNull(),
    onRecordFailure: recordFailureAction('on_record_failure').notNull(),
    maxFailures: integer('max_failures'),
    maxFailureRate: doublePrecision('max_failure_rate'),
    failureWindow: integer('failure_window').notNull().default(100),
    onLimit: limitAction('on_limit').notNull().default('fail'),
    /** Final failures of the present wave that do not count any more, because a person resumed after them. */
    failuresForgiven: counter('failures_forgiven'),
    /** The connector that is told of failures and of the end. */
    callback: text('callback'),
    /** Records started in this time at most: `10/s`, `600/min`. */
    rate: text('rate'),
    ramp: jsonb('ramp').$type<Ramp>(),
    /** Steps of the ramp that have been passed. */
    rampStage: smallint('ramp_stage').notNull().default(0),
    /** Records with the same value in this field run one after the other. */
    orderBy: text('order_by'),
    duplicates: duplicateAction('duplicates').notNull().default('allow'),
    skipUnchanged: boolean('skip_unchanged').notNull().default(false),
    /** Records set aside at intake; they are among the skipped ones. */
    setAside: counter('set_aside'),
    /** With `skip_unchanged`: records whose id the flow had not seen, or had seen with other values. */
    newRecords: counter('new_records'),
    changedRecords: counter('changed_records'),
    pauseKind: pauseKind('pause_kind'),
    /** Why the job is paused, in words for the caller. */
    pauseMessage: text('pause_message'),
    pausedAt: moment('paused_at'),
    /** When a job that paused by itself tries whether it can go on, and how often it has tried. */
    probeAt: moment('probe_at'),
    probes: smallint('probes').notNull().default(0),
    /** Attempts under way end at once when the job is cancelled. */
    cancelNow: boolean('cancel_now').notNull().default(false),
    /** What connectors hold the job back to at present, as its process last said. */
    throttle: jsonb('throttle').$type<readonly Throttle[]>(),
    /** Digest of the plan the start was made with. */
    planDigest: text('plan_digest'),
    /** Who approved the job, as a person's name at their machine. */
    approvedBy: text('approved_by'),
    /** The job whose records this one takes back. */
    undoOf: uuid('undo_of'),
    /** Payloads and results have been deleted because of their age. */
    purgedAt: moment('purged_at'),
    /** What the job was started or updated with. */
    concurrency: integer('concurrency').notNull(),
    /** What the present wave runs at. */
    waveConcurrency: integer('wave_concurrency').notNull(),
    /** The most it may have run at, since somebody lowered that, until the job is taken over; 0: nobody has. */
    peakConcurrency: counter('peak_concurrency'),
    intake: intakeState('intake').notNull().default('reading'),
    /** Rows of the source that have become records. */
    intakePosition: counter('intake_position'),
    total: counter('total'),
    pending: counter('pending'),
    processing: counter('processing'),
    succeeded: counter('succeeded'),
    failed: counter('failed'),
    retriedSuccess: counter('retried_success'),
    retriedFailed: counter('retried_failed'),
    skipped: counter('skipped'),
    wave: counter('wave'),
    /** Final failures of the present wave. */
    waveFailed: counter('wave_failed'),
    /** Records that have been tried in the present wave and are not finally settled. */
    waveTried: counter('wave_tried'),
    waveStartedAt: moment('wave_started_at'),
    /** Final records when the present wave began. */
    waveBase: counter('wave_base'),
    /** Attempts whose answer was lost after the call was sent. */
    maybeApplied: counter('maybe_applied'),
    /** The records up to this index are not fresh any more; the rows of those that were claimed fresh do not say so. */
    claimedTo: integer('claimed_to').notNull().default(-1),
    /** The lease under which that was done last. */
    claimedUnder: bigint('claimed_under', { mode: 'number' }),
    /** The flow has a part that runs when the job ends; the job is not finished before. */
    hasEnd: boolean('has_end').notNull().default(false),
    /** The wave whose end that part has run for. */
    endingWave: integer('ending_wave'),
    endingFailure: jsonb('ending_failure').$type<Failure>(),
    endingResult: json('ending_result').$type<JsonValue>(),
    /** What keeps the job from going on, if a process had to refuse it. */
    obstacle: text('obstacle'),
    obstacleSince: moment('obstacle_since'),
    createdAt: moment('created_at').notNull().defaultNow(),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
  },
  (table) => [
    uniqueIndex('batch_jobs_owned_key').on(sql`coalesce(owner, '')`, table.idempotencyKey),
    uniqueIndex('batch_jobs_repeat_guard').on(table.flowName, table.repeatGuard),
    index('batch_jobs_unfinished').on(table.createdAt).where(sql`finished_at is null`),
    index('batch_jobs_newest').on(table.createdAt.desc(), table.id.desc()),
    check(
      'counts_add_up',
      sql`total = pending + processing + succeeded + failed + retried_success + retried_failed + skipped`,
    ),
    check(
      'counts_not_negative',
      sql`least(pending, processing, succeeded, failed, retried_success, retried_failed, skipped, wave_tried) >= 0`,
    ),
    check('finished_is_over', sql`finished_at is null or (pending = 0 and processing = 0)`),
    check(
      'end_part_has_run',
      sql`finished_at is null or not has_end or ending_wave is not distinct from wave`,
    ),
  ],
);

export const records = pgTable(
  'records',
  {
    jobId: uuid('job_id').notNull(),
    idx: integer('idx').notNull(),
    recordId: text('record_id'),
    status: recordStatus('status').notNull().default('pending'),
    /** json, not jsonb: keeps the order of keys for exports, and numbers as they are written. */
    payload: json('payload').$type<JsonValue>(),
    /** The value of the job's `order_by` field, as text. */
    orderKey: text('order_key'),
    /** Waits until the records before it with the same order key are done. */
    held: boolean('held').notNull().default(false),
    setAside: setAsideReason('set_aside'),
    /** A failed record that is kept for a person, until it succeeds or is dropped. */
    deadLetter: boolean('dead_letter').notNull().default(false),
    /** Counts patches to the payload. */
    revision: smallint('revision').notNull().default(0),
    wave: smallint('wave').notNull().default(0),
    /** Counted attempts of the present wave. */
    tries: smallint('tries').notNull().default(0),
    /** Counted attempts of all waves. */
    attempts: integer('attempts').notNull().default(0),
    /** Times a process died while this record may have been under way. */
    crashes: smallint('crashes').notNull().default(0),
    /** Claimed with nothing else under way, to find out whether it is this record that kills. */
    alone: boolean('alone').notNull().default(false),
    lease: bigint('lease', { mode: 'number' }),
    claim: integer('claim'),
    /** How far fresh records had been claimed before it was; null: it was claimed as one of them. */
    claimedAfter: integer('claimed_after'),
    /**
     * When a record that came back is due; epoch: at once, before all others; infinity: it waits to run alone;
     * -infinity: it has not come back.
     */
    notBefore: timestamp('not_before', { withTimezone: true, mode: 'string' }).notNull().default('-infinity'),
    result: json('result').$type<JsonValue>(),
    failure: jsonb('failure').$type<Failure>(),
    groupId: text('group_id'),
    /** What earlier attempts have left for the next one. */
    progress: json('progress').$type<Progress>(),
    /** Numbers the saves of progress under one claim, so that an earlier one that comes late changes nothing. */
    progressSave: integer('progress_save'),
    settledAt: moment('settled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.jobId, table.idx] }),
    // No index names what changes when a fresh record succeeds (HOT updates): that is what most of them do.
    index('records_waiting')
      .on(table.jobId, table.notBefore, table.idx)
      .where(sql`not_before > '-infinity' and not held`),
    index('records_held').on(table.jobId, table.orderKey, table.idx).where(sql`held`),
    index('records_dead_letters').on(table.jobId, table.idx).where(sql`dead_letter`),
    index('records_failed').on(table.jobId, table.idx).where(sql`group_id is not null`),
  ],
);

/** Attempts that failed, one row each. */
export const failedAttempts = pgTable(
  'failed_attempts',
  {
    jobId: uuid('job_id').notNull(),
    idx: integer('idx').notNull(),
    attempt: integer('attempt').notNull(),
    wave: smallint('wave').notNull(),
    failure: jsonb('failure').$type<Failure>().notNull(),
    groupId: text('group_id').notNull(),
    failedAt: moment('failed_at').notNull().defaultNow(),
  },
  (table) => [
    index('failed_attempts_record').on(table.jobId, table.idx, table.failedAt),
    index('failed_attempts_newest').on(table.failedAt.desc()),
  ],
);

/** What payloads were before a patch. */
export const payloadVersions = pgTable(
  'payload_versions',
  {
    jobId: uuid('job_id').notNull(),
    idx: integer('idx').notNull(),
    revision: smallint('revision').notNull(),
    payload: json('payload').$type<JsonValue>(),
    replacedAt: moment('replaced_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.idx, table.revision] })],
);

/** Payloads that a retry will put in place of the present ones, in the statement that begins its wave. */
export const stagedPatches = pgTable(
  'staged_patches',
  {
    retryId: uuid('retry_id').notNull(),
    idx: integer('idx').notNull(),
    payload: json('payload').$type<JsonValue>(),
    stagedAt: moment('staged_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.retryId, table.idx] })],
);

/** Retries that came with an idempotency key, for as long as their jobs are known. */
export const retryKeys = pgTable(
  'retry_keys',
  {
    jobId: uuid('job_id').notNull(),
    key: text('key').notNull(),
    requestDigest: text('request_digest').notNull(),
    wave: integer('wave').notNull(),
    selected: integer('selected').notNull(),
    /** What else the caller was told. */
    answer: json('answer').$type<JsonObject>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.key] })],
);

/** Own ids of the records of jobs that look for duplicates. */
export const recordIds = pgTable(
  'record_ids',
  {
    jobId: uuid('job_id').notNull(),
    recordId: text('record_id').notNull(),
    idx: integer('idx').notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.recordId] })],
);

/** What a flow last did with success to each record that has an id of its own. */
export const lastSuccesses = pgTable(
  'last_successes',
  {
    flowName: text('flow_name').notNull(),
    recordId: text('record_id').notNull(),
    /** Of what the flow made of the payload. */
    digest: text('digest').notNull(),
    jobId: uuid('job_id').notNull(),
    at: moment('at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.flowName, table.recordId] })],
);

/** What happened to jobs, in order. */
export const jobEvents = pgTable(
  'job_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    jobId: uuid('job_id').notNull(),
    kind: text('kind').$type<JobEventKind>().notNull(),
    /** In words for the caller. */
    message: text('message').notNull(),
    /** Who did it, in words; null: Sluice by itself. */
    actor: text('actor'),
    at: moment('at').notNull().defaultNow(),
  },
  (table) => [
    index('job_events_job').on(table.jobId, table.id),
    index('job_events_newest').on(table.at.desc()),
  ],
);

/** Calls of webhooks that are owed to somebody. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: uuid('id').primaryKey(),
    jobId: uuid('job_id').notNull(),
    connector: text('connector').notNull(),
    /** Kind of the event, such as `record.failed`. */
    event: text('event').notNull(),
    payload: json('payload').$type<JsonValue>().notNull(),
    attempts: smallint('attempts').notNull().default(0),
    /** When it is tried next; null: it was delivered or given up. */
    dueAt: moment('due_at').defaultNow(),
    /** Of the attempt that has it at present; a later one has another. */
    claim: uuid('claim'),
    lastError: text('last_error'),
    createdAt: moment('created_at').notNull().defaultNow(),
    deliveredAt: moment('delivered_at'),
    givenUpAt: moment('given_up_at'),
  },
  (table) => [
    index('deliveries_due').on(table.dueAt).where(sql`due_at is not null`),
    index('deliveries_job').on(table.jobId, table.createdAt),
  ],
);

/** Which processes use a connector, or did so lately, so that they can share its limits. */
export const connectorUses = pgTable(
  'connector_uses',
  {
    connector: text('connector').notNull(),
    holder: text('holder').notNull(),
    until: moment('until').notNull(),
    /** Of one that uses it no more: its calls that count for the connector's rate until then. */
    calls: integer('calls'),
  },
  (table) => [primaryKey({ columns: [table.connector, table.holder] })],
);

/** Who may come in over HTTP. The tokens themselves are kept by nobody but their holders. */
export const accessTokens = pgTable(
  'access_tokens',
  {
    id: uuid('id').primaryKey(),
    /** SHA-256 of the token, in hexadecimal digits. */
    digest: text('digest').notNull(),
    /** The beginning of the token, to tell one from another. */
    prefix: text('prefix').notNull(),
    owner: text('owner').notNull(),
    /** Opens only the published API of this flow; null: everything of its owner. */
    flowName: text('flow_name'),
    label: text('label'),
    createdAt: moment('created_at').notNull().defaultNow(),
    /** After this it opens nothing; null: it does not end. */
    expiresAt: moment('expires_at'),
  },
  (table) => [uniqueIndex('access_tokens_digest').on(table.digest)],
);

/** Files that were sent over HTTP or fetched, to be read as the source of a job. */
export const uploads = pgTable('uploads', {
  id: uuid('id').primaryKey(),
  owner: text('owner'),
  /** As the sender calls it, or the URL it was fetched from, without its query. */
  name: text('name').notNull(),
  /** Where its bytes are, in the folder of uploads. */
  file: text('file').notNull(),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  createdAt: moment('created_at').notNull().defaultNow(),
});

export const leaseTokens = pgSequence('lease_tokens');

export const leases = pgTable(
  'leases',
  {
    jobId: uuid('job_id').notNull(),
    lane: smallint('lane').notNull().default(0),
    /** Changes with every holder; a write names the token it was made under. */
    token: bigint('token', { mode: 'number' }).notNull(),
    holder: text('holder').notNull(),
    until: moment('until').notNull(),
    /** Numbers the claims made under this token, so that a claim that got lost cannot come late. */
    claims: integer('claims').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.lane] })],
);

/** Durable values of flows: those of a record, or with `idx` -1 of the whole job. */
export const jobState = pgTable(
  'job_state',
  {
    jobId: uuid('job_id').notNull(),
    idx: integer('idx').notNull(),
    key: text('key').notNull(),
    value: json('value').$type<JsonValue>().notNull(),
    /** The last write: its lease, and its number under it. A write with an earlier number changes nothing. */
    token: bigint('token', { mode: 'number' }).notNull(),
    write: bigint('write', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.idx, table.key] })],
);
