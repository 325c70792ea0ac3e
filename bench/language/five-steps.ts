import type { Setting } from '../contender.ts';
import { fiveStepFlow } from '../flows.ts';
import { runJob } from '../run-job.ts';

/** A job over an NDJSON file whose flow changes each record five times, one step after the other. */
export default async function fiveSteps(setting: Setting) {
  const { perSecond } = await runJob(fiveStepFlow, setting);
  return { perSecond };
}
