import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { startBatch } from '../operations/start-batch.ts';
import { type Command, type Given, groups } from './command.ts';
import { detach } from './detach.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { InputOptions, put } from './input-options.ts';
import { asCommands } from './next-step.ts';
import { spoolInput } from './spool-input.ts';
import { counted } from './table.ts';
import { visible } from './terminal.ts';
import { type Begun, watchJob } from './watch-job.ts';

const options = new InputOptions(startBatch, { except: ['flow_id', 'path'] });

export const start: Command = {
  name: 'start',
  summary: 'take the records of a file (or of a pipe) through a flow',
  group: groups.jobs,
  args: '<flow> [file]',
  options: () => [...options.flags, detach],
  examples: [
    'sluice start customer-import customers.csv',
    'sluice start customer-import big.ndjson --concurrency 20 --detach',
    'sluice start customer-import --records \'[{"name": "Ada"}]\'',
    'export-customers | sluice start customer-import - --format ndjson',
    'sluice start other-flow --batch-job-id 0197a4c2 --statuses failed',
    'sluice start customer-import --url https://crm.example.com/exports/customers.csv',
  ],
  async run(host, given) {
    const [flow, file] = given.args;
    const input = { ...options.inputFrom(given.options), flow_id: flow };
    const path = await pathOf(host, given, file);
    if (path !== undefined) put(input, ['source', 'path'], path);
    // The list of allowed folders holds back models, not the person at the terminal.
    const roots = path === undefined ? [] : [dirname(path)];
    const begin = async () => {
      const started = await invoke(host, startBatch, input, { roots });
      return { ...started, said: greeting(started) };
    };
    return given.options.detach === true ? detached(host, await begin()) : watchJob(host, given.json, begin);
  },
};

/** Where the rows are that the person means; those of a pipe are kept in a file first. */
export async function pathOf(
  host: Host,
  given: Given,
  file: string | undefined,
): Promise<string | undefined> {
  const { input, hasPipedInput, err } = host.terminal;
  if (file !== undefined && file !== '-') return regularPath(host, resolve(host.cwd, file));
  const isMeant = file === '-';
  if (!isMeant && (namesRows(given) || !hasPipedInput)) return undefined;
  // Without this line a pipe that nobody closes looks like a command that hangs.
  if (!isMeant && !given.json) err.write('No file was named: reading records from standard input.\n');
  return spoolInput(input, host.folders);
}

/** `<(command)` and a named pipe are read once, and a job may have to read its file again. */
async function regularPath({ folders }: Host, path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFIFO() === true ? spoolInput(createReadStream(path), folders) : path;
}

/** An option says where the rows are. */
export const namesRows = ({ options }: Pick<Given, 'options'>) =>
  ['records', 'batchJobId', 'url', 'uploadId'].some((name) => options[name] !== undefined);

type Started = z.output<(typeof startBatch)['output']>;

function greeting({ batch_job_id, flow, replayed, earlier_job, note }: Started): string[] {
  return [
    `Batch job ${batch_job_id}  ${visible(flow.name)}`,
    ...(replayed ? ['An earlier start with this idempotency key made it; nothing was started again.'] : []),
    ...(earlier_job === undefined ? [] : [`The same records went through this flow before: ${earlier_job}`]),
    ...(note === undefined ? [] : [note]),
  ];
}

function detached({ background }: Host, { said, ...started }: Started & Begun): Answer {
  const { total, waiting_for } = started;
  const next =
    waiting_for !== undefined || background
      ? asCommands(started.next_step)
      : 'Background work is off (SLUICE_BACKGROUND): the job goes on while `sluice run` or another Sluice process runs.';
  const where = waiting_for === undefined ? 'on the way.' : 'wait.';
  // None may have been read yet, or none is before something is mended.
  const records = total === 0 ? [] : [`${counted(total, 'record')} ${where}`];
  return { json: started, text: [...(said ?? []), ...records, next] };
}
