import type { z } from 'zod';
import type { listBatchJobs } from '../operations/list-batch-jobs.ts';
import type { Asked } from './operation-command.ts';
import { cut, cutFront, grouped, shortTime, table, widthOf } from './table.ts';
import type { Terminal } from './terminal.ts';

type Listing = z.output<(typeof listBatchJobs)['output']>;
type Job = Listing['jobs'][number];

/** Characters of a label, or of where the rows came from, where there is room. */
const nameShown = 40;

/** Jobs as `list` shows them: with whole ids where the lines fit the window, else in short. */
export function showJobs(
  { width }: Pick<Terminal, 'width'>,
  { jobs, next_cursor }: Listing,
  { input, again }: Asked,
): string[] {
  if (jobs.length === 0) return [noneThere(input)];
  const whole = table(columns, jobs.map(wholeRow));
  return [
    ...(widthOf(whole) <= width ? whole : shortTable(jobs, width)),
    ...(next_cursor ? [`More: ${again({ cursor: next_cursor, offset: undefined })}`] : []),
  ];
}

const noJobs = 'No batch jobs. `sluice start <flow> <file>` starts one.';
const noneFits = 'No batch job fits. `sluice list` shows all of them.';
const noMore = 'No more batch jobs. `sluice list` shows the newest of them.';

function noneThere(input: Asked['input']): string {
  const has = (name: string) => input[name] !== undefined;
  if (has('cursor') || has('offset')) return noMore;
  return ['flow_id', 'status', 'since'].some(has) ? noneFits : noJobs;
}

const wholeRow = (job: Job) => [
  job.batch_job_id,
  job.flow,
  job.status,
  grouped(job.total),
  grouped(job.failed_now),
  shortTime(job.created_at),
  nameOf(job, nameShown),
];

const columns = [
  { title: 'ID' },
  { title: 'FLOW' },
  { title: 'STATUS' },
  { title: 'RECORDS', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'STARTED (UTC)' },
  { title: 'LABEL OR SOURCE' },
] as const;

const shortColumns = [
  { title: 'ID' },
  { title: 'FLOW' },
  { title: 'STATUS' },
  { title: 'RECORDS', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'AGE', align: 'right' },
  { title: 'NAME' },
] as const;

/** The flow and the name share what the other columns leave. */
function shortTable(jobs: readonly Job[], width: number): string[] {
  const rows = (flowRoom: number, nameRoom: number) =>
    jobs.map((job) => [
      // Ids of one day begin alike; their end is what tells them apart.
      job.batch_job_id.slice(-8),
      cut(job.flow, flowRoom),
      job.status,
      grouped(job.total),
      grouped(job.failed_now),
      ageOf(job.created_at),
      nameOf(job, nameRoom),
    ]);
  const least = 'FLOW'.length;
  const room = Math.max(2 * least, 2 * least + width - widthOf(table(shortColumns, rows(least, least))));
  const flowRoom = Math.min(
    widthOf(jobs.map(({ flow }) => flow)),
    Math.max(Math.floor(room / 2), room - widthOf(jobs.map((job) => nameOf(job, nameShown)))),
  );
  return table(shortColumns, rows(flowRoom, room - Math.max(flowRoom, least)));
}

const nameOf = ({ label, source }: Job, length: number) =>
  label === undefined ? cutFront(source, length) : cut(label, length);

/** 42s, 12m, 5h, 9d. */
function ageOf(createdAt: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(createdAt)) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
