import { shellWord } from '../domain/shell-word.ts';
import { createToken, replaceToken, revokeToken } from '../operations/access-tokens.ts';
import { operations as callable } from '../operations/operations.ts';
import { testFlow } from '../operations/test-flow.ts';
import { InputOptions, parameterNames } from './input-options.ts';
import { afterCalls, beforeCalls } from './spoken-phrases.ts';

/** Those of the command line alone are called by nobody else, and still refuse in their own name. */
export const operations = [...callable, createToken, replaceToken, revokeToken, testFlow];

interface Spoken {
  readonly command: string;
  /** Parameters given without a flag, in their order. */
  readonly positional: readonly string[];
  /** Parameters with another flag at the command line. */
  readonly rename?: Readonly<Record<string, string>>;
}

/** Operations with a command that is called otherwise, or takes its parameters in another way. */
export const spoken: Readonly<Record<string, Spoken>> = {
  preview_batch: { command: 'preview', positional: ['flow_id', 'path'] },
  start_batch: { command: 'start', positional: ['flow_id', 'path'] },
  get_batch_status: { command: 'status', positional: ['batch_job_id'] },
  list_batch_jobs: { command: 'list', positional: [], rename: { flow_id: 'flow' } },
  export_batch_errors: { command: 'errors', positional: ['batch_job_id'] },
  export_batch_results: { command: 'results', positional: ['batch_job_id'] },
  retry_batch_failed_records: {
    command: 'retry',
    positional: ['batch_job_id'],
    rename: { path: 'file' },
  },
  update_batch: { command: 'update', positional: ['batch_job_id'] },
  undo_batch: { command: 'undo', positional: ['batch_job_id'] },
  list_flows: { command: 'flows list', positional: [] },
  get_flow: { command: 'flows show', positional: ['flow_id'] },
  get_flow_reference: { command: 'flows reference', positional: ['topic'] },
  save_flow: { command: 'flows save', positional: ['text'] },
  test_flow: { command: 'flows test', positional: [] },
  search_logs: { command: 'logs search', positional: ['flow_id'], rename: { batch_job_id: 'job' } },
  create_token: { command: 'tokens create', positional: ['owner'] },
  revoke_token: { command: 'tokens revoke', positional: ['id'] },
  rotate_token: { command: 'tokens rotate', positional: ['id'] },
};

const names = operations.map(({ name }) => name).join('|');
/** A call as operations write it: the name, and arguments nested at most two deep. */
const call = new RegExp(String.raw`\b(${names})\b( \{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})?`, 'g');
/** What a refusal begins with: the command, if it is said, and the parameter that is wrong. */
const refused = new RegExp(String.raw`^(?:(${names}): )?(?=(?:\w+\.)*\w+(?:\[\d+\])*: )`);
const refusedParameter = /(^|; )(?:\w+\.)*(\w+)(?:\[\d+\])*(?=: )/g;

const parameters = new Set(operations.flatMap(parameterNames));
/** These are said by their place, and what else bears the name is no parameter. */
const placed = ['batch_job_id', 'flow_id', 'upload_id'];
const flagged = [...parameters].filter((name) => name.includes('_') && !placed.includes(name));
const parameter = new RegExp(String.raw`(?<![\w."'/-])(${flagged.join('|')})(?!\.?[\w"'])(: true)?`, 'g');

/** The advice of an operation with its calls written as commands, and its parameters as options. */
export function asCommands(advice: string): string {
  const said = beforeCalls(refusalSpoken(advice))
    .replace(/\bselect (\{[^{}]*\})/g, (whole, json: string) => selectFlags(json, whole))
    .replace(/\bsource (\{[^{}]*\})/g, (_, json: string) => sourceFlags(json))
    .replace(call, (_, name: string, json: string | undefined) => commandFor(name, json));
  return afterCalls(said).replace(parameter, (_, name: string) => flag(name));
}

/** A refusal names the parameters that are wrong first. */
function refusalSpoken(text: string): string {
  const match = refused.exec(text);
  if (match === null) return text;
  const [beginning, name = ''] = match;
  const { positional = [], rename = {} } = spoken[name] ?? {};
  const rest = text.slice(beginning.length).replace(refusedParameter, (whole, before, wrong: string) => {
    if (!parameters.has(wrong)) return whole;
    return before + (positional.includes(wrong) ? wordFor(wrong) : flag(rename[wrong] ?? wrong));
  });
  return beginning + rest;
}

const wordFor = (parameter: string) => ({ batch_job_id: 'id', flow_id: 'flow' })[parameter] ?? parameter;

function commandFor(name: string, json: string | undefined): string {
  const { command, positional } = spoken[name] ?? { command: name.replaceAll('_', '-'), positional: [] };
  const given = json === undefined ? {} : parse(json);
  const { action } = given as { action?: unknown };
  const found = leavesOf(given);
  const words = positional.flatMap((key) =>
    found.filter(([other]) => other === key).map(([, value]) => shellWord(String(value))),
  );
  const said = typeof action === 'string' ? action : command;
  return `\`${['sluice', said, ...words, ...flagsFor(name, given)].join(' ')}\``;
}

function selectFlags(json: string, otherwise: string): string {
  const flags = flagsFor('retry_batch_failed_records', { select: parse(json) });
  return flags.length === 0 ? otherwise : flags.join(' ');
}

const sourceFlags = (json: string) => flagsFor('start_batch', { source: parse(json) }).join(' ');

/** The options of the command that stand for what is given to the operation. */
function flagsFor(name: string, given: unknown): string[] {
  const operation = operations.find((each) => each.name === name);
  if (operation === undefined) return [];
  const { positional = [], rename = {} } = spoken[name] ?? {};
  return flagsOf(new InputOptions(operation, { except: [...positional, 'action'], rename }), given);
}

/** The options that stand for an input: what `inputFrom` is, the other way round. */
export function flagsOf(offered: InputOptions, input: unknown): string[] {
  return offered.all.flatMap(({ path, options }) => {
    const value = path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)?.[key], input);
    const [option] = options;
    if (value === undefined || typeof option?.long !== 'string') return [];
    return path.at(-1) === 'wait_seconds' ? ['--wait'] : flagWith(option.long, value);
  });
}

function flagWith(long: string, value: unknown): string[] {
  if (value === true) return [long];
  if (value === false) return [long.replace(/^--/, '--no-')];
  const isList = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  const text = isList ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return [long, shellWord(text)];
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

function leavesOf(value: unknown): [string, unknown][] {
  return Object.entries(value ?? {}).flatMap(([key, inner]: [string, unknown]): [string, unknown][] =>
    typeof inner === 'object' && !Array.isArray(inner) ? leavesOf(inner) : [[key, inner]],
  );
}
