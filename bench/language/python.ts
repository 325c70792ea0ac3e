import type { Setting } from '../contender.ts';
import { pythonFlow } from '../flows.ts';
import { runJob } from '../run-job.ts';

/** A job over an NDJSON file whose flow hands each record to a small Python snippet. */
export default async function python(setting: Setting) {
  const { perSecond } = await runJob(pythonFlow, setting);
  return { perSecond };
}
