import { Option } from 'commander';
import type { z } from 'zod';
import { getBatchStatus } from '../operations/get-batch-status.ts';
import { listBatchJobs } from '../operations/list-batch-jobs.ts';
import { updateBatch } from '../operations/update-batch.ts';
import { type Command, groups } from './command.ts';
import { invoke } from './host.ts';
import { asCommands } from './next-step.ts';
import { operationCommand } from './operation-command.ts';
import { retry } from './retry.ts';
import { showJobs } from './show-jobs.ts';
import { exitCodeOf, showStatus } from './show-status.ts';
import { counted } from './table.ts';
import { watchJob } from './watch-job.ts';

const oneJob = {
  group: groups.jobs,
  args: '[id]',
  positional: [{ parameter: 'batch_job_id', otherwise: 'latest' }],
} as const;

const plainStatus = operationCommand({
  ...oneJob,
  name: 'status',
  summary: 'show how far a job has come (the latest, unless an id is given)',
  operation: getBatchStatus,
  without: ['wait_seconds'],
  show: showStatus,
  exitCode: exitCodeOf,
});

const status: Command = {
  ...plainStatus,
  options: () => [new Option('--wait', 'follow the job until it has finished; Ctrl-C leaves it')],
  examples: ['sluice status', 'sluice status 0197a4c2 --wait'],
  async run(host, given) {
    if (given.options.wait !== true) return plainStatus.run(host, given);
    const find = () => invoke(host, getBatchStatus, { batch_job_id: given.args[0] ?? 'latest' });
    return watchJob(host, given.json, find, { onlyLooks: true });
  },
};

const list = operationCommand({
  group: groups.jobs,
  name: 'list',
  summary: 'list jobs, newest first',
  operation: listBatchJobs,
  rename: { flow_id: 'flow' },
  gathers: 'jobs',
  examples: ['sluice list --status processing', 'sluice list --flow customer-import --since 7d'],
  show: showJobs,
});

type Updated = z.output<(typeof updateBatch)['output']>;

function showUpdate(updated: Updated): string[] {
  const { batch_job_id, status, next_step } = updated;
  return [`Batch job ${batch_job_id}: ${status}${limitsOf(updated)}`, asCommands(next_step)];
}

/** A job in which no record starts any more has no use for them. */
function limitsOf({ status, concurrency, max_failures }: Updated): string {
  if (status === 'paused' || status === 'cancelled') return '';
  const limit = max_failures === null ? '' : `, stops at ${counted(max_failures, 'failure')}`;
  return `, ${counted(concurrency, 'record')} at once${limit}`;
}

const actions = {
  pause: 'let records under way finish and start no more',
  resume: 'go on with a paused job',
  cancel: 'let records under way finish and skip the rest',
};

const others = ['concurrency', 'rate', 'max_failures', 'max_failure_rate', 'on_limit', 'drop_dead_letters'];

const steering = Object.entries(actions).map(([action, summary]) =>
  operationCommand({
    ...oneJob,
    name: action,
    summary,
    operation: updateBatch,
    without: action === 'resume' ? [...others, 'now'] : others,
    fixed: { action },
    show: (_, output) => showUpdate(output),
  }),
);

const update = operationCommand({
  ...oneJob,
  name: 'update',
  summary: 'change the limits of a running job',
  operation: updateBatch,
  without: ['action', 'now', 'drop_dead_letters'],
  examples: ['sluice update 0197a4c2 --concurrency 2', 'sluice update --rate 10/s'],
  show: (_, output) => showUpdate(output),
});

export const jobCommands: readonly Command[] = [status, list, retry, ...steering, update];
