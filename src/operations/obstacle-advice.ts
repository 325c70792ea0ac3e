import { connectCommand } from '../engine/connect-command.ts';
import { approvalObstacle } from '../engine/obstacles.ts';
import type { Flow } from '../flows/flow.ts';
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
  if (mended.length > 0) return `${said} ${setupAdvice(mended)}`;
  const isElsewhere = flow !== undefined && missing.length === 0 && approvalObstacle(flow, job) === null;
  return isElsewhere ? `${said} ${ofOtherProcess(flow)}` : said;
}

/** What this process has, and the one that looked at the job has not: it was started with another environment. */
function ofOtherProcess({ connectors }: Flow): string {
  const commands = connectors
    .flatMap(({ name }) => connectCommand(name) ?? [])
    .map((command) => `\`${command}\``);
  const kept =
    commands.length === 0
      ? ''
      : ` What ${commands.join(' or ')} keeps in secrets.env is read by every process;`;
  return `Nothing is missing in the process that answers here, only in the one that takes up jobs in the background.${kept} \`sluice stop\` ends that one, and the next start brings one with the environment it has itself.`;
}

const asSentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
