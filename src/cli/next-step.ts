import { operations } from '../operations/operations.ts';

/** How the operations are called at the command line; `positional` names the parameters given without a flag. */
const spoken: Readonly<Record<string, { readonly command: string; readonly positional: readonly string[] }>> =
  {
    preview_batch: { command: 'preview', positional: ['flow_id', 'path'] },
    start_batch: { command: 'start', positional: ['flow_id', 'path'] },
    get_batch_status: { command: 'status', positional: ['batch_job_id'] },
    list_batch_jobs: { command: 'list', positional: [] },
    export_batch_errors: { command: 'errors', positional: ['batch_job_id'] },
    export_batch_results: { command: 'results', positional: ['batch_job_id'] },
    retry_batch_failed_records: { command: 'retry', positional: ['batch_job_id'] },
    update_batch: { command: 'update', positional: ['batch_job_id'] },
    undo_batch: { command: 'undo', positional: ['batch_job_id'] },
    list_flows: { command: 'flows list', positional: [] },
    get_flow: { command: 'flows show', positional: ['flow_id'] },
    save_flow: { command: 'flows save', positional: ['text'] },
    search_logs: { command: 'logs search', positional: ['flow_id'] },
  };

const names = operations.map(({ name }) => name).join('|');
/** A call as operations write it: the name, and arguments nested at most two deep. */
const call = new RegExp(String.raw`\b(${names})\b( \{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})?`, 'g');

/** The advice of an operation with its calls written as commands. */
export function asCommands(advice: string): string {
  return advice
    .replace(/\berror_groups\b/g, 'What is above')
    .replace(/\bselect (\{[^{}]*\})/g, (whole, json: string) => flagsIn(json, whole))
    .replace(call, (_, name: string, json: string | undefined) => commandFor(name, json))
    .replace(/\bstatuses \["(\w+)"\]/g, '--statuses $1')
    .replace(
      /Ask the person to (type|look at it with) (.+?) at a terminal/g,
      (_, what: string, commands: string) => `${what === 'type' ? 'Type' : 'Look at it with'} ${commands}`,
    )
    .replace(' (with their own target); never ask them for the secret here', ' (with your own target)')
    .replace(/\bpass replaces: "([^"]*)"/g, 'pass --replaces $1')
    .replace(/\b(allow_repeat|idempotency_key|max_failures|group_ids)\b(: true)?/g, (_, name) => flag(name));
}

function commandFor(name: string, json: string | undefined): string {
  const { command, positional } = spoken[name] ?? { command: name.replaceAll('_', '-'), positional: [] };
  const given = json === undefined ? [] : leavesOf(parse(json));
  const action = given.find(([key]) => key === 'action')?.[1];
  const words = positional.flatMap((key) =>
    given.filter(([other]) => other === key).map(([, value]) => value),
  );
  const flags = given
    .filter(([key]) => !positional.includes(key) && key !== 'action')
    .map(([key, value]) => (key === 'wait_seconds' ? '--wait' : `${flag(key)} ${value}`));
  return `\`${['sluice', action ?? command, ...words, ...flags].join(' ')}\``;
}

function flagsIn(json: string, otherwise: string): string {
  const leaves = leavesOf(parse(json));
  return leaves.length === 0 ? otherwise : leaves.map(([key, value]) => `${flag(key)} ${value}`).join(' ');
}

const flag = (name: string) => `--${name.replaceAll('_', '-')}`;

/** Placeholders such as FILE stand without quotes in advice. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json.replace(/: ([A-Z]+)\b/g, ': "$1"'));
  } catch {
    return {};
  }
}

function leavesOf(value: unknown): [string, string][] {
  return Object.entries(value ?? {}).flatMap(([key, inner]: [string, unknown]): [string, string][] => {
    if (Array.isArray(inner)) return [[key, inner.join(',')]];
    return typeof inner === 'object' ? leavesOf(inner) : [[key, String(inner)]];
  });
}
