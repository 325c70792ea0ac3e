import { Option } from 'commander';
import { SluiceError } from '../domain/sluice-error.ts';
import { approveFlow } from '../operations/approve-flow.ts';
import { saveFlow } from '../operations/save-flow.ts';
import { isAgreed } from './agreement.ts';
import { type Command, groups } from './command.ts';
import { textOf } from './flow-test.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { InputOptions } from './input-options.ts';
import { asCommands } from './next-step.ts';
import { showSaved } from './show-flows.ts';
import { paint, visible, visibleLines } from './terminal.ts';

const saveOptions = new InputOptions(saveFlow, { except: ['text'] });

export const save: Command = {
  group: groups.flows,
  name: 'flows save',
  summary: 'check a flow and save it in the flows folder',
  args: '<file>',
  options: () => saveOptions.flags,
  examples: [
    'sluice flows save import.yaml',
    'sluice flows save import.yaml --replaces 1f0a2b3c4d5e6f70',
    'cat import.yaml | sluice flows save -',
  ],
  async run(host, { args: [file = ''], options }) {
    const input = { ...saveOptions.inputFrom(options), text: await textOf(host, file) };
    const saved = await invoke(host, saveFlow, input);
    return { json: saved, text: showSaved(saved), exitCode: saved.saved ? 0 : 1 };
  },
};

export const approve: Command = {
  group: groups.flows,
  name: 'flows approve',
  summary: 'look at a draft, and let it run',
  args: '<name>',
  options: () => [
    new Option('--yes', 'do not ask'),
    new Option('--owner <name>', 'a draft of somebody who has a token'),
  ],
  examples: ['sluice flows approve notify-team', 'sluice flows approve notify-team --owner ada'],
  async run(host, { args: [name = ''], options }) {
    const owner = typeof options.owner === 'string' ? options.owner : null;
    const draft = await draftNamed(host, name, owner);
    host.terminal.err.write(`${(await introduce(host, draft)).join('\n')}\n`);
    const agreed = () => isAgreed(host.terminal, `Let ${draft.name} run?`, 'A draft is approved');
    if (options.yes !== true && !(await agreed())) return notApproved(draft);
    const input = { name: draft.name, revision: draft.revision };
    const approved = await invoke(host, approveFlow, input, { owner });
    return {
      json: approved,
      text: [`Approved ${visible(name)}: ${approved.file}`, asCommands(approved.next_step)],
    };
  },
};

type Draft = Awaited<ReturnType<typeof draftNamed>>;

function contextOf(host: Host, owner: string | null) {
  return host.context({ signal: new AbortController().signal, owner });
}

async function draftNamed(host: Host, name: string, owner: string | null) {
  const { drafts } = contextOf(host, owner);
  const draft = await drafts.find(name);
  if (draft === undefined) {
    const names = (await drafts.list()).map((other) => other.name);
    const known = names.length === 0 ? 'There are none.' : `There are ${names.join(', ')}.`;
    throw new SluiceError('flow_not_found', `There is no draft "${visible(name)}". ${known}`);
  }
  if (draft.flow !== undefined) return draft;
  throw new SluiceError('flow_invalid', `The draft ${name} has problems:\n${draft.reasons.join('\n')}`);
}

/** The whole text first, so that what to mind stands right above the question. */
async function introduce(host: Host, draft: Draft): Promise<string[]> {
  const { name, version, flow, text, reasons, revision, file, owner } = draft;
  const present = (await contextOf(host, owner).flows.list()).find(
    (listing) => listing.name === name && (listing.version === version || listing.version === null),
  );
  return [
    paint(host.terminal, 'dim', `# ${file}, revision ${revision}`),
    visibleLines(text.trimEnd()),
    '',
    paint(host.terminal, 'bold', `The flow ${name} does: ${visible(flow?.summary ?? '')}`),
    ...reasons.map((reason) => `  - ${visible(reason)}`),
    ...(present === undefined
      ? []
      : [`It takes the place of the flow in ${present.file} (revision ${present.revision}).`]),
  ];
}

function notApproved({ name, file }: Draft): Answer {
  return {
    json: { name, approved: false, file },
    text: [`Not approved; nothing was changed. Remove ${file} to drop the draft.`],
    exitCode: 1,
  };
}
