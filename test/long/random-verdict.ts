import type { Database, Sql } from '../../src/store/database.ts';
import type { Arena } from '../faults/arena.ts';
import type { SluiceProcess } from '../support/sluice-process.ts';
import type { RandomDay } from './random-day.ts';
import { callsAWave, type Seen, thingOf } from './random-world.ts';

/** A selection of `retry_batch_failed_records`. */
export interface Retriable {
  readonly statuses?: readonly string[];
  readonly indexes?: readonly number[];
  readonly maybe_applied?: boolean;
}

/** How many records of a job a retry must take up; undefined while the job runs. */
export async function countRetriable(
  db: Database,
  batchJobId: string,
  { statuses = ['failed', 'retried_failed'], indexes, maybe_applied }: Retriable,
): Promise<number | undefined> {
  const rows = await db.run(
    (sql) => sql<{ idx: number; status: string; maybe: boolean }[]>`
      select idx, records.status, ${maybeApplied(sql)} as maybe
      from records join batch_jobs on batch_jobs.id = job_id
      where job_id = ${batchJobId} and finished_at is not null`,
  );
  const fitting = rows.filter(
    ({ idx, status, maybe }) =>
      statuses.includes(status) &&
      (indexes === undefined || indexes.includes(idx)) &&
      (maybe_applied === undefined || maybe === maybe_applied),
  );
  return rows.length === 0 ? undefined : fitting.length;
}

/** How many failed records the pages of `export_batch_errors` show. */
export async function countShownFailures(server: SluiceProcess, batchJobId: string): Promise<number> {
  const shown = new Set<number>();
  let cursor: object = {};
  for (;;) {
    const page = (await server.call('export_batch_errors', {
      batch_job_id: batchJobId,
      ...cursor,
    })) as unknown as { errors: { index: number }[]; next_cursor?: string };
    for (const { index } of page.errors) shown.add(index);
    if (page.next_cursor === undefined) return shown.size;
    cursor = { cursor: page.next_cursor };
  }
}

/** What the day left behind that cannot be: in the eyes of the target, the rows and the counts. */
export async function contradictionsOf(day: RandomDay, { db, target }: Arena): Promise<readonly string[]> {
  const rows = await readRows(db);
  const seen = day.world.seen();
  const found = [...day.wrong, ...noise(day, target.hits), ...takenBackUnasked(rows, target.hits)];
  let repeated = 0;
  for (const row of rows) {
    const ofTarget = seen(row.method, row.thing);
    const problem = problemOf(row, ofTarget, day.interruptions);
    if (problem !== undefined) found.push(`${JSON.stringify({ ...row, ...ofTarget })} ${problem}`);
    if (row.method === 'POST') repeated += Math.max(0, ofTarget.answered - 1 - row.revision);
  }
  // A record is called again after an answer only when a process or its connections ended at that moment.
  if (repeated > 2 * day.mostAtOnce * day.interruptions)
    found.push(`${repeated} records were sent again after an answer`);
  return found;
}

interface Row {
  readonly method: 'POST' | 'DELETE';
  readonly thing: string;
  readonly status: string;
  readonly revision: number;
  readonly wave: number;
  readonly maybe: boolean;
}

const hasSucceeded = ({ status }: Row) => status === 'succeeded' || status === 'retried_success';

function problemOf(row: Row, seen: Seen, interruptions: number): string | undefined {
  if (hasSucceeded(row) && seen.effects === 0) return 'was not done';
  // What is taken back, two jobs may have tried.
  if (row.method === 'DELETE') return undefined;
  if (!(hasSucceeded(row) || row.maybe) && seen.effects > 0) return 'was done, and nothing says so';
  if (seen.keys > 1 + row.revision) return 'was sent under too many keys';
  if (seen.calls > callsAWave * (1 + row.wave) + interruptions) return 'was sent too often';
  return undefined;
}

function takenBackUnasked(rows: readonly Row[], hits: Arena['target']['hits']): string[] {
  const done = new Set(
    rows.filter((row) => row.method === 'POST' && hasSucceeded(row)).map(({ thing }) => thing),
  );
  const taken = new Set(hits.filter(({ method }) => method === 'DELETE').map(thingOf));
  return [...taken]
    .filter((thing) => !done.has(thing))
    .map((thing) => `${thing} was taken back and had not succeeded`);
}

function noise({ silences }: RandomDay, hits: Arena['target']['hits']): string[] {
  return silences.flatMap(({ shelf, method, why, from, to }) => {
    const heard = hits.filter(
      (hit) => hit.method === method && thingOf(hit).startsWith(shelf) && hit.at > from && hit.at < to,
    );
    return heard.length === 0 ? [] : [`${heard.length} calls ${method} ${shelf} after ${why}`];
  });
}

async function readRows(db: Database): Promise<readonly Row[]> {
  return db.run(
    (sql) => sql<Row[]>`
      select case when undo_of is null then 'POST' else 'DELETE' end as method,
        coalesce(records.payload->>'id', records.payload->'result'->>'id', record_id) as thing,
        records.status, revision, records.wave, ${maybeApplied(sql)} as maybe
      from records join batch_jobs on batch_jobs.id = job_id`,
  );
}

const maybeApplied = (sql: Sql) => sql`coalesce(failure->'maybeApplied' = 'true', false)`;
