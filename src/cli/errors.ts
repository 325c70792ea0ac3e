import { createReadStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Option } from 'commander';
import { SluiceError } from '../domain/sluice-error.ts';
import { exportBatchErrors } from '../operations/export-batch-errors.ts';
import { type Command, type Given, groups } from './command.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { operationCommand } from './operation-command.ts';
import { showErrors } from './show-errors.ts';
import { counted } from './table.ts';

const page = operationCommand({
  name: 'errors',
  summary: 'show why records of a job failed, or export all of them',
  group: groups.jobs,
  args: '[id]',
  positional: [{ parameter: 'batch_job_id', otherwise: 'latest' }],
  operation: exportBatchErrors,
  show: showErrors,
});

const onlyForPages = ['json', 'groupId', 'limit', 'cursor'];

export const errors: Command = {
  ...page,
  options: [
    ...(page.options ?? []),
    new Option('--csv', 'write every failed record to stdout as CSV').conflicts(['ndjson', ...onlyForPages]),
    new Option('--ndjson', 'the same, one JSON object a line').conflicts(onlyForPages),
    new Option('--output <file>', 'write every failed record to a file; .ndjson is NDJSON, all else CSV'),
  ],
  examples: [
    'sluice errors',
    'sluice errors --csv > failed.csv',
    'sluice errors 0197a4c2 --output failed.ndjson',
  ],
  run(host, given) {
    const { csv, ndjson, output } = given.options;
    const wantsAll = csv === true || ndjson === true || output !== undefined;
    return wantsAll ? exportAll(host, given) : page.run(host, given);
  },
};

async function exportAll(host: Host, { args, options }: Given): Promise<Answer> {
  const answer = await invoke(host, exportBatchErrors, { batch_job_id: args[0] ?? 'latest', limit: 1 });
  const { output } = options;
  const format = options.ndjson === true || String(output ?? '').endsWith('.ndjson') ? 'ndjson' : 'csv';
  const source = answer.files?.[format].path;
  if (source === undefined) {
    host.terminal.err.write(
      `No record of batch job ${answer.batch_job_id} has failed; nothing was written.\n`,
    );
    return { json: answer, text: [] };
  }
  if (typeof output !== 'string') {
    await pipeline(createReadStream(source), host.terminal.out, { end: false });
    return { json: answer, text: [] };
  }
  await copyTo(source, resolve(host.cwd, output));
  return {
    json: answer,
    text: [`${counted(answer.total_failed, 'failed record')} in ${resolve(host.cwd, output)}`],
  };
}

async function copyTo(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new SluiceError(
      'invalid_input',
      `--output: "${target}" cannot be written (${reason}). The records are in ${source}.`,
    );
  }
}
