import { z } from 'zod';
import type { Missing } from '../engine/readiness.ts';
import { approveCommand, type Draft } from '../flows/drafts.ts';
import type { Flow } from '../flows/flow.ts';
import { labelOf } from '../flows/flow-file-name.ts';
import type { OperationContext } from './context.ts';

const reasonsAtMost = 10;

/** What keeps a flow, or a connector, from being used. */
export const missingOutput = z.object({
  connector: z.string().optional(),
  reason: z.string(),
  setup_command: z.string().optional().describe('For the person to type at a terminal'),
});

export const draftOutput = z.object({
  reasons: z.array(z.string()).describe('Why a person has to approve it'),
  approve_command: z.string().describe('For the person to type at a terminal'),
});

export function missingFields({ connector, reason, setupCommand }: Missing) {
  return {
    ...(connector === undefined ? {} : { connector }),
    reason,
    ...(setupCommand === undefined ? {} : { setup_command: setupCommand }),
  };
}

export function draftFields(draft: Pick<Draft, 'name' | 'owner' | 'reasons'>) {
  return {
    reasons: draft.reasons.slice(0, reasonsAtMost).map((reason) => shortened(reason)),
    approve_command: approveCommand(draft),
  };
}

/** Texts of a flow have no length of their own; an answer has. */
export function shortened(text: string, length = 300): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** How a file goes through a flow, as a sentence. */
export function runAdvice(
  flow: Pick<Flow, 'name' | 'version'>,
  { isRemote }: Pick<OperationContext, 'isRemote'>,
): string {
  // Over HTTP no file of this machine is read.
  const source = isRemote === true ? '{"upload_id": ID of POST /api/v1/uploads}' : '{"path": FILE}';
  return `preview_batch {"flow_id": "${labelOf(flow)}", "source": ${source}} checks all rows of a file and sends nothing; start_batch with the same arguments takes them through the flow.`;
}

/** What a person has to do before a flow can run, as a sentence. */
export function setupAdvice(missing: readonly Missing[]): string {
  const commands = [...new Set(missing.flatMap(({ setupCommand }) => setupCommand ?? []))];
  const rest = missing.filter(({ setupCommand }) => setupCommand === undefined).map(({ reason }) => reason);
  return [...(commands.length === 0 ? [] : [toType(commands)]), ...rest].join(' ');
}

function toType(commands: readonly string[]): string {
  const named = commands.map((command) => `\`${command}\``).join(' and ');
  // Words in capitals stand for what only the person knows.
  const own = commands.some((command) => /\b(?:HOST|COMMAND)\b/.test(command))
    ? ' (with their own target)'
    : '';
  const typed = `Ask the person to type ${named} at a terminal${own}`;
  const asksForSecret = commands.some((command) => command.startsWith('sluice connect'));
  return asksForSecret ? `${typed}; never ask them for the secret here.` : `${typed}.`;
}
