import type { SluiceProcess } from '../support/sluice-process.ts';
import { type Arena, someRecords, writeRecords } from './arena.ts';
import { jobFinished, onlyJob, watchCounts } from './witness.ts';

export interface KillPlan {
  readonly records: number;
  readonly kills: number;
  readonly concurrency: number;
}

/** What came of it. */
export interface KillReport {
  readonly batchJobId: string;
  /** From the moment the next server was connected to its first call of the target, in milliseconds. */
  readonly takeOvers: readonly number[];
  readonly contradictions: readonly string[];
}

/** Inline records are limited, so many come from a file. */
export const recordsOf = (home: string, count: number) =>
  count <= 1000 ? { records: someRecords(count) } : { source: { path: writeRecords(home, count) } };

/**
 * Runs one job and kills its server again and again, each time after another part of the records, with
 * a new server for each.
 */
export async function killRepeatedly(arena: Arena, plan: KillPlan): Promise<KillReport> {
  const { records, kills, concurrency } = plan;
  const part = Math.floor((0.8 * records) / (kills + 1));
  const takeOvers: number[] = [];
  let sluice: SluiceProcess = await arena.start();
  await sluice.call('start_batch', { flow_id: 'import', ...recordsOf(arena.home, records), concurrency });
  const batchJobId = await onlyJob(arena.db);
  const watch = watchCounts(arena.db, batchJobId);

  for (let round = 0; round < kills; round++) {
    // Unequal parts, so that the kills do not always meet the same moment of a window.
    await arena.target.reached(arena.target.hits.length + part - ((round * 7) % Math.min(13, part)));
    await sluice.kill();
    const callsBefore = arena.target.hits.length;
    sluice = await arena.start();
    const startedAt = performance.now();
    await arena.target.reached(callsBefore + 1);
    takeOvers.push(performance.now() - startedAt);
  }

  await jobFinished(arena.db, batchJobId, 60_000);
  const contradictions = await watch.stop();
  await sluice.close();
  return { batchJobId, takeOvers, contradictions };
}
