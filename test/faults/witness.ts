import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type RecordStatus, recordStatuses } from '../../src/domain/record.ts';
import type { Database } from '../../src/store/database.ts';
import { shownStatus } from '../../src/store/fresh-claims.ts';
import { countersOf, countRows } from '../support/jobs.ts';
import type { Target } from '../support/target.ts';
import type { Arena } from './arena.ts';

/** The id of the only job of an arena, once it is there. */
export async function onlyJob(db: Database): Promise<string> {
  for (;;) {
    const [row] = await db.run((sql) => sql<{ id: string }[]>`select id from batch_jobs`);
    if (row !== undefined) return row.id;
    await sleep(10);
  }
}

export interface JobRow extends Record<RecordStatus, number> {
  readonly total: number;
  readonly status: string;
  readonly finished: boolean;
  readonly wave: number;
}

export async function readJob(db: Database, batchJobId: string): Promise<JobRow> {
  const [row] = await db.run(
    (sql) => sql<JobRow[]>`
      select *, finished_at is not null as finished from batch_jobs where id = ${batchJobId}`,
  );
  if (row === undefined) throw new Error('the job is gone');
  return row;
}

/** The job once it has finished; fails after `ms`. */
export async function jobFinished(db: Database, batchJobId: string, ms = 20_000): Promise<JobRow> {
  const until = performance.now() + ms;
  for (;;) {
    const job = await readJob(db, batchJobId);
    if (job.finished) return job;
    if (performance.now() > until) throw new Error(`not finished in ${ms} ms: ${JSON.stringify(job)}`);
    await sleep(20);
  }
}

/**
 * Compares the counters of a job with its rows, again and again, and keeps what contradicts: sums
 * that are not the total, counters that are not the rows, progress that goes back within a wave.
 */
export function watchCounts(db: Database, batchJobId: string): { stop(): Promise<readonly string[]> } {
  const contradictions: string[] = [];
  let running = true;
  const watching = watch();
  // A test that has failed already may not wait for it.
  watching.catch(() => {});
  return {
    async stop() {
      running = false;
      await watching;
      return contradictions;
    },
  };

  async function watch(): Promise<void> {
    for (let processed = 0, wave = 0; running; await sleep(20)) {
      const counts = await countsAndRows(db, batchJobId);
      const now = processedOf(counts.counters);
      if (now < processed && counts.counters.wave === wave)
        contradictions.push(`processed went from ${processed} to ${now}`);
      processed = now;
      wave = counts.counters.wave;
      contradictions.push(...contradictionsOf(counts));
    }
  }
}

interface Counts {
  readonly counters: JobRow;
  readonly rows: Readonly<Partial<Record<RecordStatus, number>>>;
}

/** One statement, so that both are of the same moment. */
async function countsAndRows(db: Database, batchJobId: string): Promise<Counts> {
  const [found] = await db.run(
    (sql) => sql<Counts[]>`
      select to_jsonb(job) as counters, coalesce((
        select jsonb_object_agg(status, count) from (
          select ${shownStatus(sql)} as status, count(*) as count from records where job_id = job.id group by 1) as counted
      ), '{}') as rows
      from batch_jobs job where id = ${batchJobId}`,
  );
  if (found === undefined) throw new Error('the job is gone');
  return found;
}

function contradictionsOf({ counters, rows }: Counts): string[] {
  const found = recordStatuses
    .filter((status) => counters[status] !== (rows[status] ?? 0))
    .map((status) => `${counters[status]} ${status} are counted and ${rows[status] ?? 0} are there`);
  const sum = recordStatuses.reduce((total, status) => total + counters[status], 0);
  return sum === counters.total ? found : [...found, `the counts add up to ${sum}, not ${counters.total}`];
}

const processedOf = (counters: JobRow) => counters.total - counters.pending - counters.processing;

/** How many calls were more than one for each record, in the eyes of the target. */
export const repeatedCalls = (target: Target) => target.hits.length - target.hitsPerKey.size;

/**
 * All `records` of the finished job succeeded: the database says so, the target did the work of each,
 * and every call for one record had the same key.
 */
export async function expectAllDone({ db, target }: Arena, batchJobId: string, records: number) {
  expect(await readJob(db, batchJobId)).toMatchObject({ status: 'completed', total: records });
  expect(await countRows(db, batchJobId)).toEqual({ succeeded: records });
  expect(await countersOf(db, batchJobId)).toEqual({ succeeded: records });
  expectTargetDidAll(target, records);
}

export function expectTargetDidAll(target: Target, records: number): void {
  const keys = new Map<string | undefined, Set<string>>();
  for (const { id, key } of target.hits) keys.set(id, (keys.get(id) ?? new Set()).add(key));
  expect(keys.size).toBe(records);
  expect(target.hitsPerKey.size).toBe(records);
  expect([...keys.values()].every((ofOne) => ofOne.size === 1)).toBe(true);
  expect([...target.hitsPerKey.keys()].every((key) => (target.effects.get(key) ?? 0) >= 1)).toBe(true);
}
