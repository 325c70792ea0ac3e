import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../src/store/database.ts';

/** Ends every session of the database except the test's own, every `everyMs`, until stopped. */
export function endSessionsAgainAndAgain(db: Database, everyMs: number): { stop(): Promise<number> } {
  let running = true;
  let ended = 0;
  const ending = end();
  ending.catch(() => {});
  return {
    async stop() {
      running = false;
      await ending;
      return ended;
    },
  };

  async function end(): Promise<void> {
    for (; running; await sleep(everyMs)) {
      const rows = await db.run(
        (sql) => sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'sluice %'
            and application_name <> 'sluice test'`,
      );
      ended += rows.length;
    }
  }
}
