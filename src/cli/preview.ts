import { dirname } from 'node:path';
import type { z } from 'zod';
import { previewBatch } from '../operations/preview-batch.ts';
import { startBatch } from '../operations/start-batch.ts';
import { type Command, type Given, groups } from './command.ts';
import { invoke } from './host.ts';
import { InputOptions, put } from './input-options.ts';
import { asCommands } from './next-step.ts';
import { namesRows, pathOf } from './start.ts';
import { counted, grouped, span, table } from './table.ts';
import { paint, type Terminal, visible } from './terminal.ts';

const asForStart = new InputOptions(startBatch, {
  except: ['flow_id', 'path', 'idempotency_key', 'label', 'plan_digest', 'allow_repeat'],
});
const own = new InputOptions(previewBatch, { only: ['sample', 'max_seconds'] });

export const preview: Command = {
  name: 'preview',
  summary: 'show what a start would do with the rows of a file, and send nothing',
  group: groups.jobs,
  args: '[flow] [file]',
  options: () => [...asForStart.flags, ...own.flags],
  examples: [
    'sluice preview customer-import customers.csv',
    'sluice preview customers.csv',
    'sluice preview customer-import customers.csv --sample 10 --json',
  ],
  async run(host, given) {
    const { flow, file } = namesIn(given);
    const input = {
      ...asForStart.inputFrom(given.options),
      ...own.inputFrom(given.options),
      ...(flow === undefined ? {} : { flow_id: flow }),
    };
    const path = await pathOf(host, given, file);
    if (path !== undefined) put(input, ['source', 'path'], path);
    const roots = path === undefined ? [] : [dirname(path)];
    const controller = new AbortController();
    const stopListening = host.onSignal(() => controller.abort());
    try {
      const output = await invoke(host, previewBatch, input, { roots, signal: controller.signal });
      const failing = (output.counts?.would_fail ?? output.bad_rows) > 0 || !output.complete;
      return { json: output, text: showPreview(host.terminal, output), exitCode: failing ? 1 : 0 };
    } finally {
      stopListening();
    }
  },
};

/** One name that looks like a file is one. */
function namesIn({ args: [first, second], options }: Given) {
  const isFile = first !== undefined && second === undefined && /^-$|[./\\]/.test(first);
  return isFile && !namesRows({ options }) ? { flow: undefined, file: first } : { flow: first, file: second };
}

type Previewed = z.output<(typeof previewBatch)['output']>;
type Paper = Pick<Terminal, 'colours'>;

export function showPreview(paper: Paper, seen: Previewed): string[] {
  return [
    ...showRows(paper, seen),
    ...showColumns(seen),
    ...showFlow(paper, seen),
    ...showProblems(paper, seen),
    ...showRequests(paper, seen),
    '',
    ...(seen.plan_digest === undefined ? [] : [`plan digest  ${seen.plan_digest}`]),
    asCommands(seen.next_step),
  ];
}

function showRows(paper: Paper, { rows, bad_rows, complete, source, ids }: Previewed): string[] {
  const { format, encoding, delimiter, broken, note } = source;
  const kind = [
    format,
    encoding,
    delimiter === undefined ? undefined : `delimiter ${JSON.stringify(delimiter)}`,
  ];
  return [
    `${paint(paper, 'bold', counted(rows, 'row'))}  ${kind.filter((word) => word !== undefined).join(', ')}`,
    ...(note === undefined ? [] : [paint(paper, 'yellow', note)]),
    ...(bad_rows === 0 ? [] : [paint(paper, 'red', `${counted(bad_rows, 'row')} cannot be read`)]),
    ...(broken === undefined ? [] : [paint(paper, 'red', `The source breaks off at ${visible(broken)}`)]),
    ...(complete || broken !== undefined
      ? []
      : ['Not all rows were looked at; --max-seconds gives it more time.']),
    ...(ids === undefined || ids.missing + ids.duplicates === 0
      ? []
      : [`${visible(ids.field)}: ${grouped(ids.missing)} missing, ${grouped(ids.duplicates)} repeated`]),
  ];
}

function showColumns({ columns, more_columns }: Previewed): string[] {
  if (columns.length === 0) return [];
  const rows = columns.map(({ name, type, share, empty = 0, formulas = 0, odd_lines, odd_indexes }) => [
    name,
    share === undefined ? type : `${type} ${Math.floor(share * 100)} %`,
    empty === 0 ? '' : grouped(empty),
    [
      ...(odd_lines === undefined ? [] : [`not so on line ${odd_lines.join(', ')}`]),
      ...(odd_indexes === undefined ? [] : [`not so in record ${odd_indexes.join(', ')}`]),
      ...(formulas === 0 ? [] : [`${counted(formulas, 'cell')} a spreadsheet would run`]),
    ].join('; '),
  ]);
  const titles = [
    { title: 'column' },
    { title: 'type' },
    { title: 'empty', align: 'right' as const },
    { title: '' },
  ];
  return ['', ...table(titles, rows), ...(more_columns === undefined ? [] : [`and ${more_columns} more`])];
}

function showFlow(
  paper: Paper,
  { flow, counts, targets = [], estimate, rehearsed, missing = [] }: Previewed,
): string[] {
  if (flow === undefined || counts === undefined) return [];
  const { would_send, would_fail, would_skip } = counts;
  const skipped = would_skip.duplicates + would_skip.unchanged;
  return [
    '',
    `${paint(paper, 'bold', visible(flow.name))}  ${visible(rehearsed ?? '')}`,
    `  would send ${grouped(would_send)}, fail ${grouped(would_fail)}, skip ${grouped(skipped)}`,
    ...targets.map(({ connector, host = 'not declared', methods }) =>
      `  calls ${visible(connector)} (${visible(host)}) ${methods.map(visible).join(', ')}`.trimEnd(),
    ),
    ...(estimate === undefined
      ? []
      : [
          `  takes ${estimate.seconds === null ? 'unknown' : `about ${span(estimate.seconds)}`}: ${visible(estimate.limit)}`,
        ]),
    ...missing.map((reason) => paint(paper, 'yellow', `  ${visible(reason)}`)),
  ];
}

function showProblems(paper: Paper, { problems, more_problems }: Previewed): string[] {
  const shown = problems.flatMap(({ count, code, message, sample_lines, sample_indexes, advice }) => [
    '',
    `${paint(paper, 'red', `${grouped(count)} would fail`)}  ${visible(code)}`,
    `  ${visible(message)}`,
    `  ${sample_lines === undefined ? `records ${sample_indexes.join(', ')}` : `lines ${sample_lines.join(', ')}`}: ${asCommands(advice)}`,
  ]);
  return more_problems === undefined ? shown : [...shown, '', `and ${more_problems} more causes`];
}

function showRequests(paper: Paper, { untrusted_requests: requests = [] }: Previewed): string[] {
  if (requests.length === 0) return [];
  return [
    '',
    paint(paper, 'bold', 'The first requests'),
    ...requests.map((request) => `  ${visible(JSON.stringify(request))}`),
  ];
}
