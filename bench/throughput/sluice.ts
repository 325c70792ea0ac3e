import type { Setting } from '../contender.ts';
import { noOpFlow } from '../flows.ts';
import { runJob } from '../run-job.ts';

/** A job over an NDJSON file: read, checked, and every record run through a flow that does nothing. */
export default async function sluice(setting: Setting) {
  const { perSecond } = await runJob(noOpFlow, setting);
  return { perSecond };
}
