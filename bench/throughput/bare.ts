import PQueue from 'p-queue';
import postgres from 'postgres';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { chunks, makeRecords } from '../records.ts';

/** Rows of one insert, and of one claim and one update. */
const insertRows = 5000;
export const windowRows = 500;

/** How a pipeline lays its rows out and takes them. */
export interface Layout {
  readonly createTable: (sql: postgres.Sql) => Promise<void>;
  /** `position`: index of the first. */
  readonly insert: (sql: postgres.Sql, rows: readonly unknown[], position: number) => PromiseLike<unknown>;
  /** `from`: every record before this index has been claimed. */
  readonly claim: (sql: postgres.Sql, from: number, limit: number) => PromiseLike<readonly Claimed[]>;
}

export interface Claimed {
  readonly idx: number;
  readonly payload: unknown;
}

/** Claims are written into the rows. */
export default (setting: Setting) => runBare(setting, { createTable, insert, claim });

/**
 * What any engine on Postgres has to do and nothing else: insert, claim, run, update. No counters, no
 * lease, no retries; rows are reached the way Sluice's statements reach them.
 */
export async function runBare({ databaseUrl, records, concurrency }: Setting, layout: Layout) {
  const sql = postgres(databaseUrl, { max: 3, fetch_types: false, onnotice: () => {} });
  await layout.createTable(sql);
  const given = makeRecords(records);
  const queue = new PQueue({ concurrency });

  const clock = startClock();
  await insertAll(sql, given, layout);
  let saving: Promise<unknown> = Promise.resolve();
  for (let from = 0; ; ) {
    const claimed = await layout.claim(sql, from, windowRows);
    if (claimed.length === 0) break;
    from = 1 + Math.max(...claimed.map(({ idx }) => idx));
    const results = await runAll(queue, claimed);
    await saving;
    saving = save(sql, results);
  }
  await saving;
  const perSecond = clock(records);

  await checkDone(sql, records);
  await sql.end();
  return { perSecond };
}

async function createTable(sql: postgres.Sql): Promise<void> {
  await sql`
    create table records (
      job int not null, idx int not null, status text not null default 'pending', payload json, result json,
      primary key (job, idx))`;
  await sql`create index on records (job, idx) where status = 'pending'`;
}

export async function insertAll(sql: postgres.Sql, given: readonly unknown[], layout: Layout): Promise<void> {
  let position = 0;
  for (const part of chunks(given, insertRows)) {
    await layout.insert(sql, part, position);
    position += part.length;
  }
  await sql`analyze records`;
}

function insert(sql: postgres.Sql, rows: readonly unknown[], position: number) {
  const text = `[${rows.map((payload, at) => `{"i":${position + at},"p":${JSON.stringify(payload)}}`).join(',')}]`;
  return sql`
    insert into records (job, idx, payload)
    select 1, i, p from json_to_recordset(${text}::text::json) as given(i int, p json)`;
}

const claim = (sql: postgres.Sql, _from: number, limit: number) => sql<Claimed[]>`
  with due as materialized (
    select ctid as at from records where job = 1 and status = 'pending'
    order by idx limit ${limit} for update skip locked
  )
  update records set status = 'processing'
  where ctid = any(array(select at from due)) and status = 'pending'
  returning idx, payload`;

async function runAll(queue: PQueue, claimed: readonly Claimed[]): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const { idx } of claimed) {
    void queue.add(async () => {
      results.push({ idx, result: { ok: true } });
    });
  }
  await queue.onIdle();
  return results;
}

export const save = async (sql: postgres.Sql, results: readonly unknown[]) => sql`
  with given as materialized (
    select * from json_to_recordset(${JSON.stringify(results)}::text::json) as given(idx int, result json)
  ), found as materialized (
    select ctid as at from records where job = 1 and idx = any(array(select idx from given))
  )
  update records set status = 'succeeded', result = given.result
  from given
  where records.ctid = any(array(select at from found)) and records.idx = given.idx`;

export async function checkDone(sql: postgres.Sql, records: number): Promise<void> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from records where status = 'succeeded'`;
  if (row?.count !== records) throw new Error(`${row?.count} of ${records} records are done`);
}
