import { InvalidArgumentError, Option } from 'commander';
import { SluiceError } from '../domain/sluice-error.ts';
import { exportBatchErrors } from '../operations/export-batch-errors.ts';
import { updateBatch } from '../operations/update-batch.ts';
import { type Command, groups } from './command.ts';
import { detach } from './detach.ts';
import { invoke } from './host.ts';
import { operationCommand } from './operation-command.ts';
import { sendAgain } from './retry.ts';
import { showDeadLetters } from './show-errors.ts';
import { counted } from './table.ts';

const list: Command = {
  isDefault: true,
  ...operationCommand({
    name: 'dead-letters list',
    summary: 'list failed records that are kept for you, across all jobs',
    group: groups.jobs,
    operation: exportBatchErrors,
    gathers: 'errors',
    without: ['batch_job_id', 'group_id', 'groups_cursor'],
    fixed: { dead_letters: true },
    rename: { flow_id: 'flow' },
    examples: ['sluice dead-letters list --flow customer-import'],
    show: showDeadLetters,
  }),
};

const retry: Command = {
  name: 'dead-letters retry',
  summary: 'send the dead letters of a job again',
  group: groups.jobs,
  args: '<id>',
  options: () => [
    new Option('--file <path>', 'a corrected export of errors'),
    new Option('--preview', 'only show what would happen'),
    detach,
  ],
  examples: ['sluice dead-letters retry 0197a4c2'],
  run: (host, { args, options, json }) =>
    sendAgain(host, options, args[0] ?? '', json, { dead_letters: true }),
};

function indexesIn(text: string): number[] {
  if (/^\d{1,9}(,\s*\d{1,9})*$/.test(text)) return text.split(',').map(Number);
  throw new InvalidArgumentError('It must be positions in the input, such as 3,17.');
}

const drop: Command = {
  name: 'dead-letters drop',
  summary: 'give up dead letters of a job; the records stay failed',
  group: groups.jobs,
  args: '<id>',
  options: () => [
    new Option('--indexes <a,b,…>', 'only these').argParser(indexesIn).conflicts('all'),
    new Option('--all', 'all of the job'),
  ],
  examples: ['sluice dead-letters drop 0197a4c2 --indexes 3,17', 'sluice dead-letters drop 0197a4c2 --all'],
  async run(host, { args, options }) {
    const { indexes, all } = options;
    if (all !== true && indexes === undefined) {
      throw new SluiceError(
        'invalid_input',
        'Which? Name them with --indexes, or give up --all. Nothing was changed.',
      );
    }
    const answer = await invoke(host, updateBatch, {
      batch_job_id: args[0],
      drop_dead_letters: all === true ? 'all' : indexes,
    });
    return { json: answer, text: [`${counted(answer.dropped ?? 0, 'dead letter')} given up.`] };
  },
};

export const deadLetterCommands: readonly Command[] = [list, retry, drop];
