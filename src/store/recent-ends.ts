import type { Rate } from '../domain/rate.ts';
import type { Database } from './database.ts';

/**
 * How long ago the last attempts of a job ended, in milliseconds, longest first: those of the last window of a
 * rate, at most as many as it allows. Reads all records of the job.
 */
export async function recentEnds(db: Database, batchJobId: string, rate: Rate): Promise<number[]> {
  const rows = await db.run(
    (sql) => sql<{ age: number }[]>`
      with since as (select now() - ${rate.windowMs} * interval '1 millisecond' as at),
      ended as (
        select settled_at as at from records, since
        where job_id = ${batchJobId} and settled_at > since.at and attempts > 0
        union all
        select failed_at from failed_attempts, since where job_id = ${batchJobId} and failed_at > since.at
      )
      select extract(epoch from now() - at)::float8 * 1000 as age from ended order by at desc limit ${rate.count}`,
  );
  return rows.map(({ age }) => age).reverse();
}
