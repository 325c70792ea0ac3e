import type { z } from 'zod';
import type { exportBatchErrors } from '../operations/export-batch-errors.ts';
import { showGroups } from './show-status.ts';
import { counted, cut, grouped } from './table.ts';
import { paint, type Terminal, visible } from './terminal.ts';

type Errors = z.output<(typeof exportBatchErrors)['output']>;

const payloadShown = 200;

/** The causes of a job's failures, the first failed records, and where all of them are. */
export function showErrors(paper: Pick<Terminal, 'colours'>, errors: Errors): string[] {
  if (errors.total_failed === 0) return [`No record of batch job ${errors.batch_job_id} has failed.`];
  return [
    `Batch job ${errors.batch_job_id}: ${grouped(errors.total_failed)} failed`,
    ...showGroups(paper, errors.groups),
    '',
    ...errors.errors.flatMap((record) => showRecord(paper, record)),
    ...(errors.next_cursor === undefined ? [] : [`More: --cursor ${errors.next_cursor}`]),
    ...(errors.next_groups_cursor === undefined
      ? []
      : [`More causes: --groups-cursor ${errors.next_groups_cursor}`]),
    ...(errors.files === undefined
      ? []
      : ['', 'All of them:', ...Object.values(errors.files).map(({ path }) => `  ${path}`)]),
  ];
}

/** Dead letters of all jobs, and where all of them are. */
export function showDeadLetters(paper: Pick<Terminal, 'colours'>, errors: Errors): string[] {
  if (errors.total_failed === 0) return ['There are no dead letters.'];
  return [
    `${counted(errors.total_failed, 'dead letter')}`,
    ...errors.errors.flatMap((record) => [
      `${paint(paper, 'bold', record.batch_job_id ?? '')}  ${visible(record.flow ?? '')}`,
      ...showRecord(paper, record),
    ]),
    ...(errors.next_cursor === undefined ? [] : [`More: --cursor ${errors.next_cursor}`]),
    ...(errors.files === undefined ? [] : ['', 'All of them:', `  ${errors.files.csv.path}`]),
  ];
}

function showRecord(paper: Pick<Terminal, 'colours'>, record: Errors['errors'][number]): string[] {
  const { index, id, error, attempts } = record;
  const name = id === undefined ? `record ${index}` : `record ${index} (${visible(id)})`;
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const said = error.untrusted_message === undefined ? '' : `; said: "${visible(error.untrusted_message)}"`;
  return [
    `${paint(paper, 'bold', name)}  ${visible(error.message)}${said} (${times})`,
    `  ${paint(paper, 'dim', cut(visible(JSON.stringify(record.payload)), payloadShown))}`,
  ];
}
