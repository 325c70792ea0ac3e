import type { z } from 'zod';
import { exportBatchErrors } from '../operations/export-batch-errors.ts';
import { type Command, groups } from './command.ts';
import { exportAll, exportOptions, wantsAll } from './export-all.ts';
import { type Host, invoke } from './host.ts';
import { operationCommand } from './operation-command.ts';
import { showErrors } from './show-errors.ts';
import { counted } from './table.ts';

type Errors = z.output<(typeof exportBatchErrors)['output']>;

/** Each page of causes reads all failures of the job. */
const causesAtMost = 50;

const page = operationCommand({
  name: 'errors',
  summary: 'show why records of a job failed, or export all of them',
  group: groups.jobs,
  args: '[id]',
  positional: [{ parameter: 'batch_job_id', otherwise: 'latest' }],
  without: ['flow_id'],
  operation: exportBatchErrors,
  gathers: 'errors',
  complete: withMoreCauses,
  show: showErrors,
});

export const errors: Command = {
  ...page,
  options: () => [
    ...(page.options?.() ?? []),
    ...exportOptions('failed record', ['groupId', 'groupsCursor', 'deadLetters']),
  ],
  examples: [
    'sluice errors',
    'sluice errors --csv > failed.csv',
    'sluice errors 0197a4c2 --output failed.ndjson',
  ],
  run(host, given) {
    if (!wantsAll(given)) return page.run(host, given);
    return exportAll(host, given, () => allErrors(host, given.args[0]));
  },
};

/** A conversation has room for a few causes only. */
async function withMoreCauses(host: Host, errors: Errors): Promise<Errors> {
  const causes = [...errors.groups];
  let next = errors.next_groups_cursor;
  while (next !== undefined && causes.length < causesAtMost) {
    const page = await invoke(host, exportBatchErrors, {
      batch_job_id: errors.batch_job_id,
      groups_cursor: next,
    });
    causes.push(...page.groups);
    next = page.next_groups_cursor;
  }
  return { ...errors, groups: causes, next_groups_cursor: next };
}

async function allErrors(host: Host, id = 'latest') {
  const answer = await invoke(host, exportBatchErrors, { batch_job_id: id, limit: 1 });
  return {
    answer,
    files: answer.files,
    nothing: `No record of batch job ${answer.batch_job_id} has failed.`,
    holds: counted(answer.total_failed, 'failed record'),
  };
}
