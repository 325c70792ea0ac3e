import type { z } from 'zod';
import { exportBatchResults } from '../operations/export-batch-results.ts';
import { type Command, type Given, groups } from './command.ts';
import { exportAll, exportOptions, wantsAll } from './export-all.ts';
import { type Host, invoke } from './host.ts';
import { type Asked, operationCommand } from './operation-command.ts';
import { counted, cut } from './table.ts';
import { visible } from './terminal.ts';

type Results = z.output<(typeof exportBatchResults)['output']>;

const resultShown = 200;

const page = operationCommand({
  name: 'results',
  summary: 'show what came back for the records of a job, or export all of it',
  group: groups.jobs,
  args: '[id]',
  positional: [{ parameter: 'batch_job_id', otherwise: 'latest' }],
  operation: exportBatchResults,
  gathers: 'results',
  show: (_, results, asked) => showResults(results, asked),
});

export const results: Command = {
  ...page,
  options: () => [...(page.options?.() ?? []), ...exportOptions('result', [])],
  examples: [
    'sluice results',
    'sluice results 0197a4c2 --output results.csv',
    'sluice results --statuses skipped --csv',
  ],
  run(host, given) {
    if (!wantsAll(given)) return page.run(host, given);
    return exportAll(host, given, () => allResults(host, given));
  },
};

async function allResults(host: Host, { args, options }: Given) {
  const { statuses } = options;
  const chosen = statuses === undefined ? {} : { statuses };
  const answer = await invoke(host, exportBatchResults, {
    batch_job_id: args[0] ?? 'latest',
    limit: 1,
    ...chosen,
  });
  return {
    answer,
    files: answer.files,
    nothing: noneOf(answer.batch_job_id),
    holds: counted(answer.total, 'record'),
  };
}

const noneOf = (batchJobId: string) => `Batch job ${batchJobId} has no such records.`;

function showResults(
  { batch_job_id, total, results: shown, next_cursor, files, ending_file }: Results,
  { again }: Asked,
): string[] {
  return [
    total === 0 ? noneOf(batch_job_id) : `Batch job ${batch_job_id}: ${counted(total, 'record')}`,
    ...shown.map(({ index, id, status, result }) => {
      const name = id === undefined ? `record ${index}` : `record ${index} (${visible(id)})`;
      return `${name}: ${status}  ${cut(visible(JSON.stringify(result)), resultShown)}`;
    }),
    ...(next_cursor === undefined ? [] : [`More: ${again({ cursor: next_cursor })}`]),
    ...(files === undefined
      ? []
      : ['', 'All of them:', `  ${files.csv.path}`, `  ${files.ndjson.path}`, `  ${files.json.path}`]),
    ...(ending_file === undefined ? [] : ['', 'What the end part of the flow returned:', `  ${ending_file}`]),
  ];
}
