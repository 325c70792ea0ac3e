import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';
import { setupAdvice } from './flow-state.ts';
import { jobFlow } from './job-flow.ts';

/** What keeps every process from running a job, and the command of a person that mends it where one does. */
export async function obstacleAdvice(
  context: Pick<OperationContext, 'flows' | 'readiness'>,
  db: Database,
  job: BatchJob,
): Promise<string> {
  const { flow } = await jobFlow(context, db, job);
  const missing = flow === undefined ? [] : await context.readiness.missingFor(flow);
  const mended = missing.filter(({ setupCommand }) => setupCommand !== undefined);
  const said = asSentence(job.obstacle ?? '');
  return mended.length === 0 ? said : `${said} ${setupAdvice(mended)}`;
}

const asSentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
