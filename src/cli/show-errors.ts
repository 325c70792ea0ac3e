import type { z } from 'zod';
import type { exportBatchErrors } from '../operations/export-batch-errors.ts';
import type { Asked } from './operation-command.ts';
import { type Group, showGroups } from './show-status.ts';
import { counted, cut, grouped } from './table.ts';
import { paint, quoted, type Terminal, visible } from './terminal.ts';

type Errors = z.output<(typeof exportBatchErrors)['output']>;

const payloadShown = 200;

/** Causes that are shown with all that is known of them; of others a line each. */
const causesShown = 5;

/** The causes of a job's failures, the first failed records, and where all of them are. */
export function showErrors(
  paper: Pick<Terminal, 'colours' | 'width'>,
  errors: Errors,
  { again }: Asked,
): string[] {
  if (errors.total_failed === 0) return [`No record of batch job ${errors.batch_job_id} has failed.`];
  return [
    `Batch job ${errors.batch_job_id}: ${grouped(errors.total_failed)} failed`,
    ...showGroups(paper, errors.groups.slice(0, causesShown)),
    ...otherCauses(paper, errors, again),
    '',
    ...errors.errors.flatMap((record) => showRecord(paper, record)),
    ...(errors.next_cursor === undefined
      ? []
      : [`More: ${again({ cursor: errors.next_cursor, groups_cursor: undefined })}`]),
    ...(errors.files === undefined
      ? []
      : ['', 'All of them:', ...Object.values(errors.files).map(({ path }) => `  ${path}`)]),
  ];
}

function otherCauses(
  { width }: Pick<Terminal, 'width'>,
  { groups, next_groups_cursor }: Errors,
  again: Asked['again'],
): string[] {
  const others = groups.slice(causesShown);
  if (others.length === 0) return [];
  return [
    '',
    ...others.map((group) => cut(causeLine(group), width)),
    `One of them: ${again({ group_id: 'GROUP', groups_cursor: undefined })}, such as ${others[0]?.group_id}.`,
    ...(next_groups_cursor === undefined
      ? []
      : [`More causes: ${again({ groups_cursor: next_groups_cursor })}`]),
  ];
}

function causeLine({ group_id, count, code, message, untrusted_message: said }: Group): string {
  const told = said === undefined ? visible(message) : `said: ${quoted(said)}`;
  return `[${group_id}]  ${grouped(count)} failed  ${code}  ${told}`;
}

/** Dead letters of all jobs, and where all of them are. */
export function showDeadLetters(
  paper: Pick<Terminal, 'colours'>,
  errors: Errors,
  { again }: Asked,
): string[] {
  if (errors.total_failed === 0) return ['There are no dead letters.'];
  return [
    `${counted(errors.total_failed, 'dead letter')}`,
    ...errors.errors.flatMap((record) => [
      `${paint(paper, 'bold', record.batch_job_id ?? '')}  ${visible(record.flow ?? '')}`,
      ...showRecord(paper, record),
    ]),
    ...(errors.next_cursor === undefined ? [] : [`More: ${again({ cursor: errors.next_cursor })}`]),
    ...(errors.files === undefined ? [] : ['', 'All of them:', `  ${errors.files.csv.path}`]),
  ];
}

function showRecord(paper: Pick<Terminal, 'colours'>, record: Errors['errors'][number]): string[] {
  const { index, id, error, attempts } = record;
  const name = id === undefined ? `record ${index}` : `record ${index} (${visible(id)})`;
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const said = error.untrusted_message === undefined ? '' : `; said: ${quoted(error.untrusted_message)}`;
  return [
    `${paint(paper, 'bold', name)}  ${visible(error.message)}${said} (${times})`,
    `  ${paint(paper, 'dim', cut(visible(JSON.stringify(record.payload)), payloadShown))}`,
  ];
}
