import {
  and,
  count,
  desc,
  eq,
  getTableColumns,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  not,
  or,
  type SQL,
  sql,
} from 'drizzle-orm';
import type { Failure } from '../domain/failure.ts';
import type { JobStatus, PauseKind, Ramp, RecordCounts, StopReason } from '../domain/job.ts';
import type { Throttle } from '../domain/throttle.ts';
import type { Database } from './database.ts';
import { owesDeliveries } from './delivery-attempts.ts';
import { batchJobs, leases } from './schema.ts';

// Both can be large, and few want them.
const { params: _, endingResult: __, ...jobColumns } = getTableColumns(batchJobs);
type Row = Omit<typeof batchJobs.$inferSelect, 'params' | 'endingResult'>;

/** The flow of a job, as it was when the job began. */
export interface PinnedFlow {
  readonly flowId: string;
  readonly name: string;
  /** The author's label. */
  readonly version: number | null;
  readonly revision: string;
}

/** A batch job as everybody but the engine sees it. */
export interface BatchJob {
  readonly id: string;
  /** Null: it was started on this machine. */
  readonly owner: string | null;
  readonly flow: PinnedFlow;
  readonly label: string | null;
  readonly status: JobStatus;
  readonly stopReason: StopReason | null;
  readonly stopMessage: string | null;
  readonly source: unknown;
  readonly sourceDigest: string;
  readonly requestDigest: string;
  readonly idField: string | null;
  readonly continueOnError: boolean;
  readonly onRecordFailure: Row['onRecordFailure'];
  readonly maxFailures: number | null;
  readonly maxFailureRate: number | null;
  readonly failureWindow: number;
  readonly onLimit: Row['onLimit'];
  /** Final failures of the present wave that do not count any more, because a person resumed after them. */
  readonly failuresForgiven: number;
  /** The connector that is told of failures and of the end. */
  readonly callback: string | null;
  /** Records started in this time at most: `10/s`, `600/min`. */
  readonly rate: string | null;
  readonly ramp: Ramp | null;
  /** Steps of the ramp that have been passed. */
  readonly rampStage: number;
  /** Records with the same value in this field run one after the other. */
  readonly orderBy: string | null;
  readonly duplicates: Row['duplicates'];
  readonly skipUnchanged: boolean;
  /** Records set aside at intake; they are among the skipped ones. */
  readonly setAside: number;
  /** With `skipUnchanged`: records whose id the flow had not seen, or had seen with other values. */
  readonly newRecords: number;
  readonly changedRecords: number;
  readonly pauseKind: PauseKind | null;
  /** Why the job is paused, in words for the caller. */
  readonly pauseMessage: string | null;
  readonly pausedAt: Date | null;
  /** When a job that paused by itself tries whether it can go on, and how often it has tried. */
  readonly probeAt: Date | null;
  readonly probes: number;
  /** It is time for that. */
  readonly probeDue: boolean;
  readonly cancelNow: boolean;
  /** What connectors hold the job back to at present, as its process last said. */
  readonly throttle: readonly Throttle[] | null;
  readonly planDigest: string | null;
  readonly approvedBy: string | null;
  /** The job whose records this one takes back. */
  readonly undoOf: string | null;
  /** Payloads and results have been deleted because of their age. */
  readonly purgedAt: Date | null;
  readonly concurrency: number;
  readonly waveConcurrency: number;
  /** The most it may have run at, since somebody lowered that, until the job is taken over; 0: nobody has. */
  readonly peakConcurrency: number;
  readonly intake: Row['intake'];
  readonly intakePosition: number;
  readonly total: number;
  readonly counts: RecordCounts;
  readonly wave: number;
  readonly waveFailed: number;
  readonly waveTried: number;
  /** Records settled in the present wave, and the seconds it has taken. */
  readonly waveDone: number;
  readonly waveSeconds: number;
  readonly maybeApplied: number;
  /** Index up to which fresh records have been claimed; -1: none has been. */
  readonly claimedTo: number;
  /** Records in one run of the flow, at most. */
  readonly chunkSize: number;
  /** The flow has a part that runs when the job ends, before it is finished. */
  readonly hasEnd: boolean;
  /** The wave whose end that part has run for, and why it failed, if it did. */
  readonly endingWave: number | null;
  readonly endingFailure: Failure | null;
  readonly obstacle: string | null;
  readonly obstacleSince: Date | null;
  /** A process holds the job at present. */
  readonly held: boolean;
  readonly createdAt: Date;
  /** By the clock of the database, which need not be that of this machine. */
  readonly ageSeconds: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

const held = sql<boolean>`exists (
  select from ${leases} where ${leases.jobId} = ${batchJobs.id} and ${leases.until} > now())`;
const waveSeconds = sql<number>`coalesce(extract(epoch from
  coalesce(${batchJobs.finishedAt}, now()) - ${batchJobs.waveStartedAt}), 0)::float8`;
const ageSeconds = sql<number>`extract(epoch from now() - ${batchJobs.createdAt})::float8`;
const probeDue = sql<boolean>`(${batchJobs.pauseKind} = 'circuit' and ${batchJobs.probeAt} <= now()) is true`;
const columns = { ...jobColumns, held, waveSeconds, ageSeconds, probeDue };

const isActive = sql`((${batchJobs.status} <> 'paused' or ${batchJobs.probeAt} is not null) and ${batchJobs.obstacle} is null)`;
/**
 * A paused job in which nothing is under way needs nobody, unless it only has to be finished or it is time to
 * try whether it can go on; one that waits for approval needs nobody at all.
 */
const rests = sql`(${batchJobs.status} = 'paused' and not ${probeDue} and (
  ${batchJobs.pauseKind} is not distinct from 'approval'
  or ${batchJobs.processing} = 0 and ${batchJobs.intake} <> 'reading'
    and not (${batchJobs.pending} = 0 and (not ${batchJobs.hasEnd} or ${batchJobs.endingWave} is not distinct from ${batchJobs.wave}))))`;

/** Only the jobs that may be seen through this. */
const owned = ({ owner }: Database): SQL | undefined =>
  owner === undefined ? undefined : sql`${batchJobs.owner} is not distinct from ${owner}`;

export async function findJob(db: Database, id: string): Promise<BatchJob | undefined> {
  const [row] = await db.read((reader) =>
    reader
      .select(columns)
      .from(batchJobs)
      .where(and(eq(batchJobs.id, id), owned(db))),
  );
  return row && jobOf(row);
}

export async function findLatestJob(db: Database): Promise<BatchJob | undefined> {
  const [job] = await listJobs(db, { limit: 1 });
  return job;
}

export async function findJobByKey(db: Database, idempotencyKey: string): Promise<BatchJob | undefined> {
  const [row] = await db.read((reader) =>
    reader
      .select(columns)
      .from(batchJobs)
      .where(and(eq(batchJobs.idempotencyKey, idempotencyKey), owned(db))),
  );
  return row && jobOf(row);
}

/** Jobs whose id begins or ends with `part` (hexadecimal digits and dashes), at most three. */
export async function findJobsByEnd(db: Database, part: string): Promise<BatchJob[]> {
  const rows = await db.read((reader) =>
    reader
      .select(columns)
      .from(batchJobs)
      .where(and(sql`${batchJobs.id}::text like any(array[${`${part}%`}, ${`%${part}`}])`, owned(db)))
      .limit(3),
  );
  return rows.map(jobOf);
}

/** The newest job over the same rows with the same flow that runs, or has run any of them. */
export async function findSameWork(
  db: Database,
  flowName: string,
  sourceDigest: string,
): Promise<BatchJob | undefined> {
  const [row] = await db.read((reader) =>
    reader
      .select(columns)
      .from(batchJobs)
      .where(
        and(
          eq(batchJobs.flowName, flowName),
          eq(batchJobs.sourceDigest, sourceDigest),
          or(isNull(batchJobs.finishedAt), lt(batchJobs.skipped, batchJobs.total)),
          owned(db),
        ),
      )
      .orderBy(sql`${batchJobs.finishedAt} desc nulls first`, desc(batchJobs.createdAt))
      .limit(1),
  );
  return row && jobOf(row);
}

export interface JobFilter {
  readonly flowName?: string | undefined;
  readonly statuses?: readonly JobStatus[] | undefined;
  readonly since?: Date | undefined;
  /** Only jobs older than this one. */
  readonly after?: { readonly createdAt: Date; readonly id: string } | undefined;
  /** Jobs passed over at the beginning. */
  readonly offset?: number | undefined;
  readonly limit: number;
}

/** Jobs, newest first. */
export async function listJobs(db: Database, filter: JobFilter): Promise<BatchJob[]> {
  const conditions: (SQL | undefined)[] = [
    owned(db),
    filter.flowName === undefined ? undefined : eq(batchJobs.flowName, filter.flowName),
    filter.statuses === undefined ? undefined : inArray(batchJobs.status, [...filter.statuses]),
    filter.since === undefined ? undefined : gte(batchJobs.createdAt, filter.since),
    filter.after === undefined
      ? undefined
      : sql`(date_trunc('milliseconds', ${batchJobs.createdAt}), ${batchJobs.id}) < (${filter.after.createdAt.toISOString()}, ${filter.after.id})`,
  ];
  const rows = await db.read((reader) =>
    reader
      .select(columns)
      .from(batchJobs)
      .where(and(...conditions))
      .orderBy(sql`date_trunc('milliseconds', ${batchJobs.createdAt}) desc`, desc(batchJobs.id))
      .limit(filter.limit)
      .offset(filter.offset ?? 0),
  );
  return rows.map(jobOf);
}

/** What is left to do in the whole database. */
export interface Workload {
  readonly unfinished: number;
  /** Unfinished jobs that go on by themselves: neither paused nor waiting for something. */
  readonly active: number;
  /** Callbacks wait to be sent, or to be sent again. */
  readonly owesCallbacks: boolean;
  /** Jobs with something to do that no process holds, oldest first; those that wait for something come last. */
  readonly unheld: readonly BatchJob[];
}

/** Jobs that are looked at for being taken, at one time. */
const takenAtMost = 500;

export async function readWorkload(db: Database): Promise<Workload> {
  const owesCallbacks = await owesDeliveries(db);
  const unfinished = isNull(batchJobs.finishedAt);
  const [counted] = await db.read((reader) =>
    reader
      .select({ unfinished: count(), active: count(sql`case when ${isActive} then 1 end`) })
      .from(batchJobs)
      .where(unfinished),
  );
  // Those that wait may be many, and others must not be behind them.
  const rows = await db.read((reader) =>
    reader
      .select(columns)
      .from(batchJobs)
      .where(and(unfinished, not(held), not(rests)))
      .orderBy(isNotNull(batchJobs.obstacle), batchJobs.createdAt)
      .limit(takenAtMost),
  );
  return { unfinished: 0, active: 0, ...counted, owesCallbacks, unheld: rows.map(jobOf) };
}

/** What a query tells besides the columns. */
type Computed = Pick<BatchJob, 'held' | 'waveSeconds' | 'ageSeconds' | 'probeDue'>;

function jobOf(row: Row & Computed): BatchJob {
  const { flowId, flowName: name, flowVersion: version, flowRevision: revision, waveBase, ...rest } = row;
  const { pending, processing, succeeded, failed, retriedSuccess, retriedFailed, skipped, ...job } = rest;
  return {
    ...job,
    flow: { flowId, name, version, revision },
    counts: {
      pending,
      processing,
      succeeded,
      failed,
      retried_success: retriedSuccess,
      retried_failed: retriedFailed,
      skipped,
    },
    waveDone: job.total - pending - processing - waveBase,
  };
}
