import type { Setting } from '../contender.ts';
import { chunkFlow } from '../flows.ts';
import { runJob } from '../run-job.ts';

/** A job over an NDJSON file whose flow takes a hundred records at once. */
export default async function chunks(setting: Setting) {
  const { perSecond } = await runJob(chunkFlow, setting);
  return { perSecond };
}
