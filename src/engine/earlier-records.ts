import { SluiceError } from '../domain/sluice-error.ts';
import { dropFirst } from '../sources/row-batches.ts';
import type { JobSource, SourceRow } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import { type EarlierRecord, listEarlierRecords, undoneIndexes } from '../store/earlier-records.ts';
import { findJob } from '../store/jobs.ts';

/** Indexes of one query: each record may have 1 MiB. */
const indexesAtOnce = 250;

export interface EarlierReading {
  readonly db: Database;
  readonly source: JobSource;
  /** The job that the records are for. */
  readonly batchJobId: string;
  readonly skipRows: number;
  readonly signal: AbortSignal;
}

/**
 * Reads the records of an earlier job in the order of its input, page by page.
 *
 * @throws SluiceError `source_changed` when its records have been retried or deleted meanwhile
 * @throws the signal's reason once it is aborted
 */
export function readEarlierRecords(reading: EarlierReading): AsyncGenerator<readonly SourceRow[]> {
  return dropFirst(pages(reading), reading.skipRows);
}

async function* pages({ db, source, batchJobId, signal }: EarlierReading): AsyncGenerator<SourceRow[]> {
  const isUndo = source.as === 'undo';
  const before = isUndo ? batchJobId : undefined;
  const total = await stillThere(db, source);
  const undone = isUndo ? await undoneIndexes(db, source.batchJobId, batchJobId) : new Set<number>();
  for (let from = 0; from < total; from += indexesAtOnce) {
    signal.throwIfAborted();
    const found = await listEarlierRecords(db, { ...source, before }, from, from + indexesAtOnce);
    // Checked afterwards: what was read before then was as it should be.
    await stillThere(db, source);
    const rows = found.filter(({ index }) => !undone.has(index)).map((record) => rowOf(record, isUndo));
    if (rows.length > 0) yield rows;
  }
}

/** How many records the earlier job has. */
async function stillThere(db: Database, { batchJobId, wave, as }: JobSource): Promise<number> {
  const job = await findJob(db, batchJobId);
  if (job === undefined || job.purgedAt !== null) throw changed(batchJobId, 'have been deleted');
  // What has succeeded once stays as it is, and only that is taken back.
  if (as === 'undo') return job.total;
  if (job.finishedAt === null || job.wave !== wave) throw changed(batchJobId, 'have been retried');
  return job.total;
}

const changed = (batchJobId: string, what: string) =>
  new SluiceError('source_changed', `The records of batch job ${batchJobId} ${what} since this job began.`);

function rowOf({ index, id, payload, result }: EarlierRecord, isUndo: boolean): SourceRow {
  const line = index + 1;
  return isUndo
    ? { kind: 'record', line, id, payload: { index, record: payload, result } }
    : { kind: 'record', line, id, payload };
}
