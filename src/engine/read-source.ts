import { SluiceError } from '../domain/sluice-error.ts';
import { readRows, reopen } from '../sources/open-file.ts';
import { type Source, SourceBroken, type SourceRow } from '../sources/source.ts';
import { stopJob } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import { DatabaseFault, refusesContent } from '../store/database-fault.ts';
import {
  addRecords,
  countBad,
  endIntake,
  endOrderedIntake,
  intakePosition,
  type NewRecord,
} from '../store/intake.ts';
import type { Lease } from '../store/leases.ts';
import type { IntakeRules } from '../store/sorted-rows.ts';
import { readEarlierRecords } from './earlier-records.ts';
import { faultPoint } from './fault-points.ts';
import { type RowRules, rowRecord } from './new-record.ts';

/** Rows, and characters of JSON, of one statement at most. With more of them garbage lives long enough to pile up. */
const rowsAtOnce = 1000;
const charactersAtOnce = 4_000_000;

export interface ReadContext {
  readonly db: Database;
  readonly lease: Lease;
  readonly source: Source;
  readonly rules: RowRules & IntakeRules;
  readonly signal: AbortSignal;
  /** Called after each commit with how many of the rows failed at once, and how many records there are now. */
  readonly onRows: (failed: number, total: number) => void;
}

/**
 * Reads what is left of a job's source into the store.
 *
 * Goes on where an earlier reading was cut short. A source that changed since, or that cannot be read
 * on, ends the job with the line and the reason; what had been read stays. Returns false when the
 * reading was cut short: it was told to stop, or the lane may be somebody else's.
 */
export async function readSource(context: ReadContext): Promise<boolean> {
  const { db, lease } = context;
  try {
    if (context.source.kind === 'file') await reopen(context.source);
    const complete = await addRows(context, await intakePosition(db, lease.batchJobId));
    if (!complete) return false;
    await (context.rules.orderBy === null ? endIntake(db, lease, 'done') : endOrderedIntake(db, lease));
    return true;
  } catch (error) {
    if (context.signal.aborted) return false;
    const message = lastingTrouble(error);
    if (message === undefined) throw error;
    await stopJob(db, lease.batchJobId, 'failed', 'source_broken', { message, lease });
    await endIntake(db, lease, 'stopped');
    return true;
  }
}

/** Why the source cannot be read on; undefined: that may be otherwise in a moment. */
function lastingTrouble(error: unknown): string | undefined {
  if (error instanceof SourceBroken) return `line ${error.line}: ${error.message}`;
  if (error instanceof SluiceError) return error.code === 'database_unavailable' ? undefined : error.message;
  return error instanceof DatabaseFault && refusesContent(error)
    ? 'the database refuses one of the rows that follow those that were read; please report this with the row'
    : undefined;
}

/** False: the intake was ended, or belongs to somebody else. */
async function addRows(context: ReadContext, start: number): Promise<boolean> {
  const { rules } = context;
  const statements = new Statements(context, start);
  let rows: NewRecord[] = [];
  let characters = 0;

  try {
    for await (const batch of rowsOf(context, start)) {
      for (const row of batch) {
        const record = rowRecord(row, rules);
        rows.push(record);
        characters += record.json.length;
        if (rows.length < rowsAtOnce && characters < charactersAtOnce) continue;
        if (!(await statements.send(rows))) return false;
        [rows, characters] = [[], 0];
      }
    }
  } catch (error) {
    // What was read before the break stays, so that it can be finished.
    if (error instanceof SourceBroken && (await statements.send(rows))) await statements.settled();
    throw error;
  }
  return (await statements.send(rows)) && statements.settled();
}

function rowsOf(
  { db, lease, source, rules: { maxRecordBytes }, signal }: ReadContext,
  skipRows: number,
): AsyncIterable<readonly SourceRow[]> {
  return source.kind === 'file'
    ? readRows(source, { skipRows, maxRecordBytes, signal })
    : readEarlierRecords({ db, source, batchJobId: lease.batchJobId, skipRows, signal });
}

/** Sends one statement after the other; while one is under way the next rows are read. */
class Statements {
  readonly #context: ReadContext;
  #position: number;
  #underWay: Promise<boolean> = Promise.resolve(true);

  constructor(context: ReadContext, position: number) {
    this.#context = context;
    this.#position = position;
  }

  /** Waits for the statement before and sends the next. False: the one before added nothing. */
  async send(rows: readonly NewRecord[]): Promise<boolean> {
    if (!(await this.#underWay)) return false;
    if (rows.length === 0) return true;
    this.#underWay = commit(this.#context, this.#position, rows);
    // Whoever waits next hears of it; until then nobody may.
    this.#underWay.catch(() => {});
    this.#position += rows.length;
    return true;
  }

  settled(): Promise<boolean> {
    return this.#underWay;
  }
}

async function commit(context: ReadContext, position: number, rows: readonly NewRecord[]): Promise<boolean> {
  const { db, lease, rules, signal } = context;
  if (signal.aborted) return false;
  const added = await addRecords(db, lease, position, rows, rules);
  // A repeat after a lost answer adds nothing; then the position tells that the rows are there.
  if (added === undefined && (await intakePosition(db, lease.batchJobId)) !== position + rows.length)
    return false;
  faultPoint('in_intake');
  context.onRows(added?.failed ?? countBad(rows), position + rows.length);
  return true;
}
