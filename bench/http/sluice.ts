import type { Setting } from '../contender.ts';
import { httpFlow } from '../flows.ts';
import { runJob } from '../run-job.ts';

/** A job over an NDJSON file whose flow posts each record to the local target. */
export default async function sluice(setting: Setting) {
  const { job, perSecond } = await runJob(httpFlow, setting);
  const ms = (job.finishedAt?.getTime() ?? Number.NaN) - (job.startedAt?.getTime() ?? Number.NaN);
  return { perSecond: setting.records / (ms / 1000), withIntake: perSecond };
}
