import type { z } from 'zod';
import { recordStatuses } from '../domain/record.ts';
import type { getBatchStatus } from '../operations/get-batch-status.ts';
import { asCommands } from './next-step.ts';
import { counted, cut, grouped, shortTime, span, table } from './table.ts';
import { type Colour, paint, quoted, type Terminal, visible } from './terminal.ts';

export type Status = z.output<(typeof getBatchStatus)['output']>;
export type Group = Status['error_groups'][number];
const endingShown = 500;

type Paper = Pick<Terminal, 'colours'>;

const colourOf: Readonly<Partial<Record<Status['status'], Colour>>> = {
  completed: 'green',
  completed_with_errors: 'yellow',
  failed: 'red',
  cancelled: 'yellow',
  paused: 'yellow',
};

/** A job as `status` and the end of a watched job show it. */
export function showStatus(paper: Paper, status: Status): string[] {
  const { flow, counts } = status;
  const rows = recordStatuses
    .filter((name) => counts[name] > 0)
    .map((name) => [`  ${name}`, grouped(counts[name])]);
  return [
    `Batch job ${paint(paper, 'bold', status.batch_job_id)}`,
    [visible(flow.name), ...(status.label === undefined ? [] : [`"${visible(status.label)}"`])].join('  '),
    `${paint(paper, colourOf[status.status] ?? 'bold', status.status)}  ${pace(status)}`,
    ...(rows.length === 0 ? [] : ['', ...indented(rows)]),
    ...remarks(status),
    ...showGroups(paper, status.error_groups),
    ...moreGroups(status),
    '',
    asCommands(status.next_step),
  ];
}

function indented(rows: readonly (readonly string[])[]): string[] {
  // The titles carry nothing here, and a cell is trimmed of its indent.
  return table([{ title: '' }, { title: '', align: 'right' }], rows)
    .slice(1)
    .map((line) => `  ${line}`);
}

function pace(status: Status): string {
  const { processed, total, percent, rate, eta_seconds, started_at, finished_at, wave } = status;
  const parts = [`${grouped(processed)} of ${counted(total, 'record')} (${percent} %)`];
  // A retry may come days later, and the rate is that of the last pass alone.
  if (started_at !== null && finished_at !== undefined && wave === 0) {
    parts.push(`in ${span((Date.parse(finished_at) - Date.parse(started_at)) / 1000)}`);
  }
  if (rate !== null) parts.push(`${rate}/s`);
  if (eta_seconds !== null && status.status !== 'paused') parts.push(`${span(eta_seconds)} left`);
  return parts.join(', ');
}

/** What did not have to run, and what did. */
function setAside({ changes, duplicates_skipped = 0 }: Status): string | undefined {
  const parts = [
    ...(changes === undefined
      ? []
      : [
          `${grouped(changes.new)} new, ${grouped(changes.changed)} changed, ${grouped(changes.unchanged)} unchanged`,
        ]),
    ...(duplicates_skipped === 0 ? [] : [`${counted(duplicates_skipped, 'duplicate')} left out`]),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

function returnedAtEnd({ ending }: Status): string | undefined {
  if (ending?.result === undefined) return undefined;
  const { result } = ending;
  const text = typeof result === 'string' ? result : JSON.stringify(result);
  return `The end part of the flow returned: ${cut(visible(text), endingShown)}`;
}

function remarks(status: Status): string[] {
  const lines = [
    status.intake?.state === 'reading' && !hasToWait(status) ? 'The source is still being read.' : undefined,
    status.intake?.state === 'stopped' ? 'The source was not read to its end.' : undefined,
    status.waiting_for === undefined && status.paused
      ? `Paused: ${visible(status.paused.message)}`
      : undefined,
    ...(status.throttled ?? []).map(({ text }) => visible(text)),
    status.waiting_for && `Waiting: ${visible(status.waiting_for.text)}`,
    status.stopped_by && visible(status.stopped_by.message),
    callbacks(status.deliveries),
    status.purged?.text,
    status.maybe_applied > 0
      ? `Calls whose answers were lost: up to ${grouped(status.maybe_applied)}; the target may have acted on them.`
      : undefined,
    mayHaveArrived(status.may_have_arrived),
    setAside(status),
    returnedAtEnd(status),
    ...undoRemarks(status),
  ].filter((line) => line !== undefined);
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Nothing is read before what the job waits for is there. */
const hasToWait = ({ total, waiting_for }: Status) => total === 0 && waiting_for !== undefined;

/** Which records to look for at the target before they are sent again. */
function mayHaveArrived(found: Status['may_have_arrived']): string | undefined {
  if (found === undefined) return undefined;
  const more = found.count > found.first.length ? ', …' : '';
  return `Failed or skipped, and maybe there: record ${found.first.map(sampleName).join(', ')}${more}.`;
}

/** What is left to say of callbacks; those that were accepted need no word. */
function callbacks(deliveries: Status['deliveries']): string | undefined {
  if (deliveries === undefined || deliveries.pending + deliveries.given_up === 0) return undefined;
  const { pending, delivered, given_up, last_error } = deliveries;
  const parts = [
    `${grouped(delivered)} delivered`,
    `${grouped(pending)} to go`,
    `${grouped(given_up)} given up`,
  ];
  return `Callbacks: ${parts.join(', ')}.${last_error === undefined ? '' : ` ${visible(last_error)}.`}`;
}

function undoRemarks({ undo_of, undone, gone_already }: Status): string[] {
  return [
    ...(undo_of === undefined ? [] : [`Takes back ${undo_of}.`]),
    ...(gone_already === undefined ? [] : [`Gone already: ${grouped(gone_already)}.`]),
    ...(undone === undefined ? [] : [`Taken back since: ${counted(undone, 'record')}.`]),
  ];
}

/** The causes of failures, each with what helps. */
export function showGroups(paper: Paper, groups: readonly Group[]): string[] {
  return groups.flatMap((group) => [
    '',
    `${paint(paper, 'red', `${grouped(group.count)} failed`)}  ${group.error_class}, ${group.code}${place(group)}  [${group.group_id}]`,
    `  ${visible(group.message)}`,
    ...(group.untrusted_message === undefined ? [] : [`  said: ${quoted(group.untrusted_message)}`]),
    `  ${circumstances(group)}`,
    `  ${paint(paper, 'dim', asCommands(group.next_step))}`,
  ]);
}

function moreGroups({ batch_job_id, more_error_groups: more }: Status): string[] {
  if (more === undefined) return [];
  const left = `${counted(more.failures, 'failure')} of ${counted(more.groups, 'other cause')}`;
  return ['', `${left}; \`sluice errors ${batch_job_id}\` leads to all of them.`];
}

/** How much of the trouble it is, when it happened, and where to look. */
function circumstances({ share, first_at, last_at, samples }: Group): string {
  const parts = [
    `${Math.round(share * 1000) / 10} % of failures`,
    ...(first_at === undefined || last_at === undefined ? [] : [between(first_at, last_at)]),
    samples.length === 0 ? undefined : `record ${samples.map(sampleName).join(', ')}`,
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

const between = (first: string, last: string) => {
  const [from, to] = [shortTime(first), shortTime(last)];
  return from === to ? from : `${from} to ${to}`;
};

const sampleName = ({ index, id }: Group['samples'][number]) =>
  id === undefined ? String(index) : `${index} (${visible(id)})`;

const place = ({ step }: Group) => (step === undefined ? '' : `, ${visible(step)}`);

/** 0 only when every record has succeeded, or nothing is decided yet. */
export const exitCodeOf = ({ finished, status }: Pick<Status, 'finished' | 'status'>) =>
  finished && status !== 'completed' ? 1 : 0;
