import { setTimeout as sleep } from 'node:timers/promises';
import type { JobStatus } from '../domain/job.ts';
import type { ClaimedRecord, RecordStatus, Settlement } from '../domain/record.ts';
import type { Database } from '../store/database.ts';
import { refusesContent } from '../store/database-fault.ts';
import type { Lease } from '../store/leases.ts';
import { type SettledRecord, type SettlementWishes, saveSettlements } from '../store/settlements.ts';
import { faultPoint } from './fault-points.ts';
import { noteFullDisk } from './full-disk.ts';
import type { Log } from './log.ts';
import type { Observer } from './observer.ts';

/** Settlements committed in one statement at most, unless a single run has more; more are no faster. */
const largestFlush = 500;
/** Statements under way at most: with so many to commit the next one waits where the job's row is. */
const commitsAtOnce = 2;
/** How long a settlement waits for others to be committed with, in milliseconds. */
const patienceMs = 5;

export interface WriterOptions {
  readonly db: Database;
  readonly lease: Lease;
  readonly wishes: SettlementWishes;
  readonly log: Log;
  /** Told what has been committed of the flow. */
  readonly observer?: Observer | undefined;
  readonly flowName: string;
  /** Records that may be started and not committed; what a crash can repeat. */
  readonly bound: () => number;
  /** Settlements after which a flush does not wait for more. */
  readonly flushAt: () => number;
  /** Called after each commit with the job's status. */
  readonly onCommit: (status: JobStatus | undefined) => void;
  /** Called when a commit has found that the lane belongs to somebody else. */
  readonly onLost: () => void;
}

/** Commits settlements in groups, one after the other unless there is a whole one more, and bounds what is uncommitted. */
export class Writer {
  readonly #options: WriterOptions;
  /** By run: a chunk in two statements would come due in two parts, and its retry be another call. */
  #waiting: (readonly SettledRecord[])[] = [];
  /** Settlements in them. */
  #ready = 0;
  #uncommitted = 0;
  /** Groups on their way. */
  #commits = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Full groups wait until what has come in together has been answered with new calls: Postgres then works meanwhile. */
  #soon: NodeJS.Immediate | undefined;
  #abandoned = false;
  #admissions: (() => void)[] = [];
  #idlers: (() => void)[] = [];

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Lets `count` more records start, at once or when they may. Each record admitted is answered by one `add`. */
  admit(count = 1): void | Promise<void> {
    if (!this.#abandoned && !this.#hasRoomFor(count)) return this.#admitLater(count);
    this.#uncommitted += count;
  }

  async #admitLater(count: number): Promise<void> {
    await new Promise<void>((resolve) => this.#admissions.push(resolve));
    return this.admit(count);
  }

  /** With nothing uncommitted anything has room, so that nobody waits for ever. */
  #hasRoomFor(count: number): boolean {
    return this.#uncommitted === 0 || this.#uncommitted + count <= this.#options.bound();
  }

  /** Hands over what an admitted record came to, and what the flow made of it. */
  add(record: ClaimedRecord, settlement: Settlement, digest?: string): void {
    this.#push([{ record, settlement, digest }]);
  }

  /** The same for records of one run, which are committed together, so that they come due together. */
  addAll(settled: readonly SettledRecord[]): void {
    this.#push(settled);
  }

  /** Hands back records that were claimed and not started. */
  handBack(records: readonly ClaimedRecord[]): void {
    for (const record of records) {
      this.#uncommitted++;
      this.#push([{ record, settlement: { status: 'pending', uncounted: true } }]);
    }
  }

  /** Resolves when everything handed over has been committed, or the writer was abandoned. */
  async idle(): Promise<void> {
    this.#flush();
    if (this.#commits === 0) return;
    await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  /** Drops what is not committed: the lane belongs to somebody else now. */
  abandon(): void {
    this.#abandoned = true;
    this.#release();
  }

  #push(settled: readonly SettledRecord[]): void {
    const isFirst = this.#ready === 0;
    this.#waiting.push(settled);
    this.#ready += settled.length;
    if (this.#isFull) this.#soon ??= setImmediate(() => this.#flush());
    else if (isFirst) this.#timer = setTimeout(() => this.#flush(), patienceMs);
  }

  /** So many wait that there is nothing to be gained by waiting for more. */
  get #isFull(): boolean {
    return this.#ready >= Math.min(this.#options.flushAt(), largestFlush);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearImmediate(this.#soon);
    this.#soon = undefined;
    while (this.#mayCommit) void this.#commitNext();
  }

  get #mayCommit(): boolean {
    if (this.#abandoned || this.#ready === 0) return false;
    return this.#commits === 0 || (this.#commits < commitsAtOnce && this.#ready >= largestFlush);
  }

  /** Whole runs, as many as fit, at least one. */
  #nextGroup(): readonly SettledRecord[] {
    let runs = 0;
    let count = 0;
    for (const { length } of this.#waiting) {
      if (runs > 0 && count + length > largestFlush) break;
      runs++;
      count += length;
    }
    this.#ready -= count;
    return this.#waiting.splice(0, runs).flat();
  }

  /** Never rejects. */
  async #commitNext(): Promise<void> {
    const group = this.#nextGroup();
    this.#commits++;
    faultPoint('before_commit');
    const status = await this.#commit(group);
    faultPoint('after_commit');
    this.#commits--;
    this.#uncommitted -= group.length;
    this.#release();
    this.#options.onCommit(status);
    // No timer is left when a group or a caller waits, and when the moment of patience has passed meanwhile.
    if (this.#timer === undefined) this.#flush();
    if (this.#commits === 0) for (const resolve of this.#idlers.splice(0)) resolve();
  }

  /** `skipped`: of those that would have waited for another attempt. */
  #tell(group: readonly SettledRecord[], skipped: number): void {
    const { observer, flowName } = this.#options;
    if (observer === undefined) return;
    const counts = new Map<RecordStatus, number>(skipped === 0 ? [] : [['skipped', skipped]]);
    for (const { settlement } of group) {
      counts.set(settlement.status, (counts.get(settlement.status) ?? 0) + 1);
    }
    for (const [status, count] of counts) if (status !== 'pending') observer.settled(flowName, status, count);
  }

  async #commit(group: readonly SettledRecord[]): Promise<JobStatus | undefined> {
    const { db, lease, wishes, log } = this.#options;
    while (!this.#abandoned) {
      try {
        const saved = await saveSettlements(db, lease, group, wishes);
        this.#tell(group, saved?.skipped ?? 0);
        if (saved?.lost === true) this.#options.onLost();
        return saved?.status;
      } catch (error) {
        if (refusesContent(error) && !group.some(isReplacement)) return this.#commitParts(group);
        log.warn({ batchJobId: lease.batchJobId }, 'settlements wait for the database');
        await noteFullDisk(db, lease.batchJobId, error);
        await sleep(500);
      }
    }
    return undefined;
  }

  /** The database refused a group: one of its records holds what cannot be stored. Finds it. */
  async #commitParts(group: readonly SettledRecord[]): Promise<JobStatus | undefined> {
    const [first] = group;
    if (first === undefined) return undefined;
    if (group.length > 1) {
      const middle = group.length >> 1;
      await this.#commit(group.slice(0, middle));
      return this.#commit(group.slice(middle));
    }
    const { log, lease } = this.#options;
    log.error({ batchJobId: lease.batchJobId, index: first.record.index }, 'the database refused a result');
    return this.#commit([{ record: first.record, settlement: cannotBeStored(first.record) }]);
  }

  #release(): void {
    for (const resolve of this.#admissions.splice(0)) resolve();
  }
}

const notStorable = 'result_not_storable';

const isReplacement = ({ settlement }: SettledRecord) =>
  'failure' in settlement && settlement.failure?.code === notStorable;

function cannotBeStored(record: ClaimedRecord): Settlement {
  return {
    status: record.wave > 0 ? 'retried_failed' : 'failed',
    failure: {
      class: 'bug',
      code: notStorable,
      message: 'The flow finished, but the database refused its result',
      maybeApplied: true,
    },
  };
}
