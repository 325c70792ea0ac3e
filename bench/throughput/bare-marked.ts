import type postgres from 'postgres';
import type { Setting } from '../contender.ts';
import { type Claimed, type Layout, runBare } from './bare.ts';

/** The bare pipeline with Sluice's layout. */
export default (setting: Setting) => runBare(setting, marked);

async function createTable(sql: postgres.Sql): Promise<void> {
  await sql`
    create table records (
      job int not null, idx int not null, status text not null default 'pending', payload json, result json,
      primary key (job, idx)) with (fillfactor = 45)`;
}

const insert = (sql: postgres.Sql, rows: readonly unknown[], position: number) => sql`
  insert into records (job, idx, payload)
  select 1, ${position}::int + place - 1, payload::json
  from string_to_table(${rows.map((payload) => JSON.stringify(payload)).join('\n')}, chr(10))
    with ordinality as given(payload, place)`;

const claim = (sql: postgres.Sql, from: number, limit: number) => sql<Claimed[]>`
  select idx, payload from records
  where job = 1 and status = 'pending' and idx >= ${from} and idx < ${from + limit}
  order by idx`;

/** Sluice's layout: claims move a mark (here in memory), and rows are written once. */
export const marked: Layout = { createTable, insert, claim };
