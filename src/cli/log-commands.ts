import { SluiceError } from '../domain/sluice-error.ts';
import { searchLogs } from '../operations/search-logs.ts';
import { type Command, groups } from './command.ts';
import { invoke } from './host.ts';
import { operationCommand } from './operation-command.ts';
import { showLogs, showRecord } from './show-logs.ts';

const search = operationCommand({
  name: 'logs search',
  summary: 'search what happened: failed attempts and events of jobs, newest first',
  group: groups.jobs,
  args: '[flow]',
  positional: [{ parameter: 'flow_id' }],
  operation: searchLogs,
  without: ['index', 'response_format'],
  rename: { batch_job_id: 'job' },
  fixed: { response_format: 'detailed' },
  examples: [
    'sluice logs search customer-import --status failed --since 1h --text timeout',
    'sluice logs search --job latest',
  ],
  show: showLogs,
});

const record: Command = {
  name: 'record',
  summary: 'tell the whole story of one record: payload, attempts, result',
  group: groups.jobs,
  args: '<job> <index>',
  examples: ['sluice record latest 17', 'sluice record 0197a4c2 0 --json'],
  async run(host, { args: [job, index = ''] }) {
    const story = await invoke(host, searchLogs, {
      batch_job_id: job,
      index: toIndex(index),
      limit: 100,
      response_format: 'detailed',
    });
    return { json: story, text: showRecord(host.terminal, story) };
  },
};

function toIndex(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new SluiceError(
    'invalid_input',
    `"${text}" is no index of a record: records are numbered from 0, in the order of the input.`,
  );
}

export const logCommands: readonly Command[] = [search, record];
