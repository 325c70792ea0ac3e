import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchJob } from '../src/store/jobs.ts';
import { loadBuilt } from './built.ts';
import { type Setting, startClock } from './contender.ts';
import { writeFlows } from './flows.ts';
import { writeNdjson } from './records.ts';

/** How often the end is looked for, in milliseconds: oftener it takes part of what is measured. */
const pollMs = 10;

export interface FinishedJob {
  readonly job: BatchJob;
  /** Records a second from the call of start_batch until the last one is in its final state. */
  readonly perSecond: number;
}

/**
 * Runs a job over a file through the operation start_batch and Sluice's engine, in this process. Two jobs
 * of `warmUp` records together go before it, so that connections are open, everything is loaded, and no code is
 * compiled for the objects of one job alone.
 */
export async function runJob(flow: string, setting: Setting): Promise<FinishedJob> {
  const { databaseUrl, records, concurrency, warmUp = 1, folder, targetUrl } = setting;
  const path = join(folder, 'records.ndjson');
  const warmUpPath = join(folder, 'warm-up.ndjson');
  await writeNdjson(path, records);
  await writeNdjson(warmUpPath, Math.ceil(warmUp / 2));
  const { assemble, readConfig, createLog, startBatch, findJob } = await loadBuilt();
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    SLUICE_HOME: folder,
    SLUICE_FLOWS: writeFlows(folder, targetUrl),
    SLUICE_FILES: folder,
    SLUICE_BACKGROUND: 'off',
    SLUICE_ALLOW_CODE_STEPS: 'on',
  });
  const sluice = assemble(config, createLog('warn'));
  const { db, engine } = await sluice.open();
  const context = sluice.context({ signal: new AbortController().signal });
  const finish = async (file: string) => {
    const input = { flow_id: flow, concurrency, source: { path: file } };
    const { batch_job_id } = await startBatch.run(context, input);
    while (engine.running > 0) await sleep(pollMs);
    return batch_job_id;
  };
  await finish(warmUpPath);
  await finish(warmUpPath);

  const clock = startClock();
  const batchJobId = await finish(path);
  const perSecond = clock(records);

  const job = await findJob(db, batchJobId);
  if (job?.counts.succeeded !== records) {
    throw new Error(`the job ended ${job?.status} with ${job?.counts.succeeded} of ${records} records done`);
  }
  await sluice.close(0);
  return { job, perSecond };
}
