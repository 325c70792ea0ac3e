import type { z } from 'zod';
import type { searchLogs } from '../operations/search-logs.ts';
import { asCommands } from './next-step.ts';
import type { Asked } from './operation-command.ts';
import { cut, grouped, shortTime } from './table.ts';
import { paint, quoted, type Terminal, visible } from './terminal.ts';

type Logs = z.output<(typeof searchLogs)['output']>;
type Line = Logs['lines'][number];
type OneRecord = NonNullable<Logs['record']>;
type Paper = Pick<Terminal, 'colours'>;

const valueShown = 2000;

/** What happened, one event or attempt after the other. */
export function showLogs(paper: Paper, logs: Logs, { again }: Asked): string[] {
  const { lines, searched_back_to, next_cursor } = logs;
  return [
    ...(lines.length === 0 ? ['Nothing has been found.'] : lines.flatMap((line) => showLine(paper, line))),
    ...(searched_back_to === undefined
      ? []
      : [`Nothing before ${shortTime(searched_back_to)} was looked at.`]),
    ...(next_cursor === undefined ? [] : [`More: ${again({ cursor: next_cursor })}`]),
  ];
}

/** One record: what it is, what became of it, and each attempt. */
export function showRecord(paper: Paper, { record, lines, next_step }: Logs): string[] {
  if (record === undefined) return [];
  const attempts = lines.flatMap((line) => showLine(paper, line));
  return [
    `Record ${record.index}${named(record.id)}  ${paint(paper, 'bold', record.status)}`,
    ...remarks(record).map((remark) => `  ${remark}`),
    '',
    `payload  ${oneLine(record.payload)}`,
    ...(record.earlier_payloads ?? []).map(
      ({ revision, replaced_at, payload }) =>
        `  until ${shortTime(replaced_at)} (version ${revision})  ${oneLine(payload)}`,
    ),
    ...(record.result === undefined ? [] : [`result   ${oneLine(record.result)}`]),
    ...(attempts.length === 0 ? [] : ['', ...attempts]),
    '',
    asCommands(next_step),
  ];
}

function remarks(record: OneRecord): string[] {
  const { attempts, wave, set_aside, dead_letter, maybe_applied, held, waits_until, settled_at } = record;
  const wavesOf = wave === 0 ? '' : `, in wave ${wave}`;
  return [
    `${grouped(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'}${wavesOf}`,
    settled_at && `settled ${shortTime(settled_at)}`,
    waits_until && `waits for another attempt until ${shortTime(waits_until)}`,
    held && 'waits for the records before it',
    set_aside && `set aside: ${set_aside}`,
    dead_letter && 'a dead letter',
    maybe_applied && 'the answer of an attempt was lost: the target may have acted on it',
  ].filter((remark) => typeof remark === 'string');
}

function showLine(paper: Paper, line: Line): string[] {
  const { at, batch_job_id, index, id, kind, message, untrusted_message: said } = line;
  const whose = index === undefined ? batch_job_id : `${batch_job_id} record ${index}${named(id)}`;
  const told = [
    ...(message === undefined ? [] : [visible(message)]),
    ...(said === undefined ? [] : [`said: ${quoted(said)}`]),
  ];
  return [
    `${shortTime(at)}  ${paint(paper, kind.endsWith('failed') ? 'red' : 'bold', kind)}  ${whose}${circumstances(line)}`,
    ...(told.length === 0 ? [] : [`  ${told.join('; ')}`]),
  ];
}

function circumstances({ attempt, wave, class: errorClass, code, step, maybe_applied, by }: Line): string {
  const parts = [
    attempt === undefined ? undefined : attempt === 0 ? 'at intake' : `attempt ${attempt}`,
    wave === undefined ? undefined : `wave ${wave}`,
    errorClass,
    code,
    step,
    maybe_applied === true ? 'maybe applied' : undefined,
    by === undefined ? undefined : `by ${by}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : `  ${visible(parts.join(', '))}`;
}

const named = (id: string | undefined) => (id === undefined ? '' : ` (${visible(id)})`);
const oneLine = (value: unknown) => cut(visible(JSON.stringify(value) ?? 'null'), valueShown);
