import { Option } from 'commander';
import type { z } from 'zod';
import { undoBatch } from '../operations/undo-batch.ts';
import { isAgreed } from './agreement.ts';
import { type Command, groups } from './command.ts';
import { detach } from './detach.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { InputOptions } from './input-options.ts';
import { asCommands } from './next-step.ts';
import { counted, grouped } from './table.ts';
import { paint, type Terminal, visible } from './terminal.ts';
import { watchJob } from './watch-job.ts';

const options = new InputOptions(undoBatch, { except: ['batch_job_id', 'preview'] });
type Shown = z.output<(typeof undoBatch)['output']>;

export const undo: Command = {
  name: 'undo',
  summary: 'take back what a job has sent, after a look at how',
  group: groups.jobs,
  args: '<id>',
  options: () => [
    ...options.flags,
    new Option('--yes', 'without asking'),
    new Option('--preview', 'only show what would be done'),
    detach,
  ],
  examples: [
    'sluice undo 0197a4c2',
    'sluice undo 0197a4c2 --indexes 3,17 --yes',
    'sluice undo latest --preview',
  ],
  async run(host, { args, options: given, json }) {
    const { terminal } = host;
    const input = { ...options.inputFrom(given), batch_job_id: args[0] };
    if (given.preview === true || given.yes !== true) {
      const shown = await invoke(host, undoBatch, { ...input, preview: true });
      if (given.preview === true) return looked(terminal, shown);
      terminal.err.write(`${describe(terminal, shown).join('\n')}\n`);
      const question = `Take ${counted(shown.records, 'record')} back?`;
      if (!(await isAgreed(terminal, question, 'Records are taken back'))) return declined(shown);
    }
    const begin = () => begun(host, input);
    if (given.detach !== true) return watchJob(host, json, begin);
    const { said, ...started } = await begin();
    return { json: started, text: [...said, asCommands(started.next_step)] };
  },
};

async function begun(host: Host, input: object) {
  const started = await invoke(host, undoBatch, { ...input, preview: false });
  const { batch_job_id = '', undo_of, records } = started;
  const said = [`Batch job ${batch_job_id}  takes back ${counted(records, 'record')} of ${undo_of}`];
  return { ...started, batch_job_id, said };
}

function describe(paper: Pick<Terminal, 'colours'>, shown: Shown): string[] {
  const { records, undo_of, undone_already: before, without_result: bare, cannot } = shown;
  const remarks = [
    before === undefined ? undefined : `  ${grouped(before)} have been taken back already.`,
    bare === undefined ? undefined : `  ${grouped(bare)} have no result to take back by.`,
    cannot &&
      `  ${grouped(cannot.records)} of the ${grouped(shown.looked_at ?? 0)} looked at cannot be: record ${cannot.first_index}: ${visible(cannot.message)}`,
  ];
  return [
    paint(
      paper,
      'bold',
      `Takes back ${counted(records, 'record')} of ${undo_of}: ${visible(shown.undo ?? '')}`,
    ),
    ...remarks.filter((line) => line !== undefined),
    ...(shown.untrusted_requests ?? []).map((request) => `  ${requestLine(request)}`),
  ];
}

type Request = NonNullable<Shown['untrusted_requests']>[number];

function requestLine({ index, step, method, url, body, input }: Request): string {
  const parts = [step, method, url, ...[body, input].map((value) => JSON.stringify(value))];
  return visible(`record ${index}  ${parts.filter((part) => part !== undefined).join(' ')}`);
}

const looked = (paper: Pick<Terminal, 'colours'>, shown: Shown): Answer => ({
  json: shown,
  text: [...describe(paper, shown), 'Nothing was sent. With --yes they are taken back.'],
});

const declined = (shown: Shown): Answer => ({
  json: shown,
  text: ['Nothing was sent.'],
  exitCode: 1,
});
