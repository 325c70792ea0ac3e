import type { Database } from '../../src/store/database.ts';

/** Rows of `records` that Postgres has read so far, as its statistics of this connection's database say. */
export async function rowsRead(db: Database): Promise<number> {
  await db.run((sql) => sql`select pg_stat_force_next_flush()`);
  const [row] = await db.run(
    (sql) => sql`
      select seq_tup_read + idx_tup_fetch as read from pg_stat_user_tables where relname = 'records'`,
  );
  return Number(row?.read);
}
