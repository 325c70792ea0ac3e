import { z } from 'zod';
import { storedValue } from '../../connectors/answer-body.ts';
import { foreignText } from '../../connectors/foreign-text.ts';
import type { Command, CommandResult } from '../../connectors/programs.ts';
import { RecordFailure } from '../../domain/failure.ts';
import { isJsonObject, type JsonValue } from '../../domain/json.ts';
import type { Scope } from '../names.ts';
import { asText, compileArgs, compileCommand } from './shell-argv.ts';
import { scriptInstead } from './shell-words.ts';
import { type StepCall, type StepSite, stepKind } from './step-kind.ts';

const defaultTimeoutMs = 30_000;
/** Systems refuse longer variables; a command then has the record on its standard input. */
const maxVariableBytes = 100_000;
/** Exit code of a program that asks to be run again later (EX_TEMPFAIL of sysexits.h). */
const tryAgainLater = 75;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const exitCode = 'must be exit codes from 0 to 255';

const settings = z.strictObject({
  command: z
    .union([z.string(), z.array(scalar)], { error: 'must be a text or a list of words' })
    .optional()
    .describe(
      'A program and its arguments; no shell reads it. A place stays one argument, whatever it holds.',
    ),
  script: z
    .string()
    .optional()
    .describe('A fixed text for /bin/sh instead of command; the values of args are "$1", "$2" in it.'),
  args: z.array(scalar.nullable()).optional().describe('Further arguments.'),
  env: z.record(z.string(), scalar).optional().describe('Variables besides RECORD, ITEM and RECORD_INDEX.'),
  stdin: z.unknown().optional().describe('What it reads; the item (or record) as JSON unless given.'),
  success_codes: z
    .array(z.int(exitCode).min(0, exitCode).max(255, exitCode))
    .min(1, 'must name at least one exit code')
    .optional()
    .describe('Exit codes that count as success; [0] unless given.'),
  parse: z
    .enum(['json', 'text', 'lines'])
    .optional()
    .describe('What stdout becomes. Unless given: JSON when it is an object or a list, else text.'),
});

type Settings = z.output<typeof settings>;

export const shell = stepKind({
  name: 'shell',
  doc: [
    'Runs a program of this machine, in an empty folder of its own that is removed afterwards. The result is `{exit_code, stdout, stderr}`; another exit code than success fails the step, 75 (EX_TEMPFAIL) as a transient failure. After 30 s, or `timeout`, it is killed with all it began.',
    'The record is in the variable RECORD as JSON (unless it has more than 100 kB), its position in RECORD_INDEX, in a loop the item in ITEM; the record, or the item, is on standard input as well. The position of an item is `index`, which `env` can hand over. Besides these and `env` the program sees only PATH, HOME, TMPDIR, LANG and LC_ALL; a `script` has those that /bin/sh sets itself as well, such as PWD.',
    'Nothing of a record is ever read by a shell: `command` is split into words before its places are filled, and `script` is a fixed text that gets values as `"$1"` from `args`. A value that begins with `-` may still be taken for an option: write `--` before it where the program knows that.',
  ].join('\n\n'),
  example: `type: shell
command: echo "Processing {{ record.name }}"
`,
  settings,
  compile(given, site) {
    const program = programOf(given, site);
    const env = variablesOf(given, site);
    const stdin = given.stdin === undefined ? undefined : site.value('stdin');

    const commandOf = ({ scope, step, timeoutMs, signal }: StepCall): Command => ({
      argv: program.argv(scope),
      env: { ...recordVariables(scope), ...env(scope) },
      stdin: stdin === undefined ? jsonOf(scope.item ?? scope.items) : asText(stdin(scope)),
      timeoutMs: timeoutMs ?? defaultTimeoutMs,
      step,
      signal,
    });
    return {
      hasEffects: true,
      summary: `shell ${program.name}`,
      codeSteps: ['shell'],
      approval: [`runs ${program.name} on this machine`],
      async run(call) {
        const { programs } = call.frame.context.connectors;
        return resultOf(await programs.run(commandOf(call)), program.name, given, call.step);
      },
      preview: (call) => ({ command: commandOf(call).argv, env: env(call.scope) }),
    };
  },
});

interface Program {
  /** For messages. */
  readonly name: string;
  readonly argv: (scope: Scope) => string[];
}

const noProgram: Program = {
  name: '',
  argv() {
    throw new Error('a step with problems does not run');
  },
};

function programOf({ command, script, args = [] }: Settings, site: StepSite): Program {
  if ((command === undefined) === (script === undefined)) {
    site.problem([command === undefined ? 'command' : 'script'], 'needs either a command or a script');
  }
  const further = compileArgs(args, site);
  if (script !== undefined) {
    checkScript(script, site);
    return { name: 'the script', argv: (scope) => ['/bin/sh', '-c', script, 'sh', ...further(scope)] };
  }
  const compiled = command === undefined ? undefined : compileCommand(command, site);
  if (compiled === undefined) return noProgram;
  const name = compiled.program.split('/').at(-1) ?? '';
  return { name, argv: (scope) => [...compiled.argv(scope), ...further(scope)] };
}

/** Braces of others, such as docker's `{{.Name}}` and `{{json .Config}}`, are left alone. */
const place = /\{\{-?(?!-?\s*(?:[a-z]+ )?\.)[^{}]*\}\}/g;

function checkScript(script: string, site: StepSite): void {
  const places = [...script.matchAll(place)].map(({ index, 0: text }) => ({
    begin: index,
    end: index + text.length,
  }));
  const [first] = places;
  if (first === undefined) return;
  const line = script.slice(0, first.begin).split('\n').length;
  const message = `line ${line} has a place, and a script is a fixed text, so that no value becomes a part of it`;
  site.problemAt(['script'], first.begin, message, scriptInstead(script, places));
}

function variablesOf({ env = {} }: Settings, site: StepSite): (scope: Scope) => Record<string, string> {
  const values = Object.keys(env).map((name) => {
    if (!/^[A-Za-z_]\w*$/.test(name)) site.problem(['env', name], 'must be the name of a variable');
    return [name, site.value('env', name)] as const;
  });
  return (scope) => Object.fromEntries(values.map(([name, value]) => [name, asText(value?.(scope))]));
}

/** What is too long for a variable, or holds a NUL, can only be read from standard input. */
function recordVariables({ record, item, batch }: Scope): Record<string, string> {
  const index = isJsonObject(batch) ? batch.index : undefined;
  const all = { RECORD: record === undefined ? undefined : jsonOf(record), ITEM: item, RECORD_INDEX: index };
  const texts = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, asText(value)] as const],
  );
  return Object.fromEntries(
    texts.filter(([, text]) => Buffer.byteLength(text) <= maxVariableBytes && !text.includes('\0')),
  );
}

const jsonOf = (value: JsonValue | undefined) => (value === undefined ? '' : JSON.stringify(value));

function resultOf(
  { exitCode, stdout, stderr }: CommandResult,
  name: string,
  { success_codes = [0], parse }: Settings,
  step: string,
): JsonValue {
  if (!success_codes.includes(exitCode)) throw exitFailure(name, exitCode, stderr, step);
  const text = stdout.replace(/\r?\n$/, '');
  return { exit_code: exitCode, stdout: parsed(text, parse, name, step), stderr: stderr.trimEnd() };
}

function exitFailure(name: string, exitCode: number, stderr: string, step: string): RecordFailure {
  // What went wrong usually stands at the end.
  const said = foreignText(stderr.trimEnd().slice(-500));
  return new RecordFailure({
    class: exitCode === tryAgainLater ? 'transient' : 'data',
    code: `exit_${exitCode}`,
    message: `${name} ended with exit code ${exitCode}`,
    step,
    ...(said === undefined ? {} : { untrustedMessage: said }),
  });
}

function parsed(text: string, parse: Settings['parse'], name: string, step: string): JsonValue {
  if (parse === 'text') return text;
  if (parse === 'lines') return text === '' ? [] : text.split(/\r?\n/);
  if (parse === undefined && !/^\s*[[{]/.test(text)) return text;
  const value = text === '' ? text : storedValue(text, { 'content-type': 'application/json' });
  if (parse !== 'json' || value !== text) return value;
  const message = `${name} printed no JSON`;
  const said = foreignText(text);
  const untrusted = said === undefined ? {} : { untrustedMessage: said };
  throw new RecordFailure({ class: 'data', code: 'output_not_json', message, step, ...untrusted });
}
