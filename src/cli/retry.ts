import { dirname, resolve } from 'node:path';
import { Option } from 'commander';
import type { z } from 'zod';
import { retryBatchFailedRecords } from '../operations/retry-batch-failed-records.ts';
import { type Command, type Given, groups } from './command.ts';
import { detach } from './detach.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { InputOptions, put } from './input-options.ts';
import { asCommands } from './next-step.ts';
import { counted, cut, grouped } from './table.ts';
import { visible } from './terminal.ts';
import { watchJob } from './watch-job.ts';

const given = new InputOptions(retryBatchFailedRecords, { except: ['batch_job_id', 'where', 'path'] });

export const retry: Command = {
  name: 'retry',
  summary: 'send the failed records of a job again, corrected if need be',
  group: groups.jobs,
  args: '[id]',
  options: () => [
    ...given.flags,
    new Option(
      '--where <text>',
      'on the payload: record.country == "DE", or JSON: {"country": ["DE", "AT"]}',
    ),
    new Option('--file <path>', 'a corrected export of errors: only its records, only what was changed'),
    detach,
  ],
  examples: [
    'sluice retry',
    'sluice retry 0197a4c2 --statuses skipped',
    'sluice retry --indexes 3,17 --detach',
    'sluice retry --file corrected.csv --preview',
    `sluice retry --set '{"phone": "payload.phone | replace_all(\\" \\", \\"\\")"}'`,
  ],
  run: (host, { args, options, json }) => sendAgain(host, options, args[0] ?? 'latest', json),
};

/** What `retry` takes, and a selection that the command makes by itself. */
export async function sendAgain(
  host: Host,
  options: Given['options'],
  id: string,
  json: boolean,
  fixed: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  const input: Record<string, unknown> = { ...given.inputFrom(options), batch_job_id: id };
  for (const [name, value] of Object.entries(fixed)) put(input, ['select', name], value);
  if (typeof options.where === 'string') put(input, ['select', 'where'], conditionOf(options.where));
  const path = typeof options.file === 'string' ? resolve(host.cwd, options.file) : undefined;
  if (path !== undefined) put(input, ['patch', 'source', 'path'], path);
  const roots = path === undefined ? [] : [dirname(path)];
  const begin = async () => {
    const begun = await invoke(host, retryBatchFailedRecords, input, { roots });
    return { ...begun, said: describe(begun) };
  };
  if (options.detach !== true && options.preview !== true) return watchJob(host, json, begin);
  const { said, ...started } = await begin();
  return { json: started, text: [...said, asCommands(started.next_step)] };
}

function conditionOf(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

type Begun = z.output<(typeof retryBatchFailedRecords)['output']>;

function describe({ batch_job_id, selected, patched, left_out, not_found, preview }: Begun): string[] {
  const corrected = patched === undefined ? '' : `, ${grouped(patched)} of them corrected`;
  return [
    `${counted(selected, 'record')} of ${batch_job_id}: through the flow once more${corrected}.`,
    ...(left_out === undefined ? [] : [`  ${grouped(left_out)} could not be read and are left out.`]),
    ...Object.entries(not_found ?? {}).map(
      ([name, list]) => `  Not to choose from (${name}): ${visible((list ?? []).join(', '))}`,
    ),
    ...(preview ?? []).flatMap(({ index, before, after }) => [
      '',
      `record ${index}`,
      `  before  ${shown(before)}`,
      `  after   ${shown(after)}`,
    ]),
  ];
}

const payloadShown = 400;
const shown = (payload: unknown) => cut(visible(JSON.stringify(payload)), payloadShown);
