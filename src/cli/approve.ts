import { Option } from 'commander';
import type { z } from 'zod';
import { approveBatch, showApproval } from '../operations/approve-batch.ts';
import { isAgreed } from './agreement.ts';
import { type Command, groups } from './command.ts';
import { type Host, invoke } from './host.ts';
import { asCommands } from './next-step.ts';
import { counted } from './table.ts';
import { paint, type Terminal, visible } from './terminal.ts';
import { userName } from './user-name.ts';

type Waiting = z.output<(typeof showApproval)['output']>;

export const approveJob: Command = {
  name: 'approve',
  summary: 'look at a job that waits for a person, and let it begin',
  group: groups.jobs,
  args: '<id>',
  options: () => [new Option('--yes', 'do not ask')],
  examples: ['sluice approve 0197a4c2-1f0e-7c3a-9d55-2b1f6f0c8a11'],
  async run(host, { args: [id = ''], options }) {
    const waiting = await invoke(host, showApproval, { batch_job_id: id });
    host.terminal.err.write(`${introduce(host.terminal, waiting).join('\n')}\n`);
    if (options.yes !== true && !(await isAgreed(host.terminal, 'Let it begin?', 'A job is approved'))) {
      return {
        json: { batch_job_id: waiting.batch_job_id, approved: false },
        text: [`Not approved; it still waits. \`sluice cancel ${waiting.batch_job_id}\` drops it.`],
        exitCode: 1,
      };
    }
    const approved = await invoke(host, approveBatch, {
      batch_job_id: waiting.batch_job_id,
      approved_by: userName(),
    });
    return {
      json: approved,
      text: [`Approved by ${visible(approved.approved_by)}.`, nextStep(host, approved.next_step)],
    };
  },
};

function introduce(paper: Pick<Terminal, 'colours'>, waiting: Waiting): string[] {
  const { flow, label, source, summary, targets, total, concurrency, created_at, plan_digest } = waiting;
  const version = flow.version === null ? '' : `@${flow.version}`;
  return [
    paint(paper, 'bold', `Batch job ${waiting.batch_job_id} waits for your word.`),
    `  flow     ${visible(flow.name)}${version}, revision ${flow.revision}`,
    `  does     ${visible(summary)}`,
    `  calls    ${targets.length === 0 ? 'nothing outside' : targets.map(visible).join(', ')}`,
    `  rows     ${visible(source)}${total === 0 ? '' : ` (${counted(total, 'record')})`}, ${concurrency} at once`,
    ...(label === undefined ? [] : [`  label    ${visible(label)}`]),
    `  asked    ${created_at}${plan_digest === undefined ? ', without a preview' : ', after a preview of exactly this'}`,
  ];
}

function nextStep({ background }: Host, advice: string): string {
  if (background) return asCommands(advice);
  return 'Background work is off (SLUICE_BACKGROUND): the job goes on while `sluice run` or another Sluice process runs.';
}
