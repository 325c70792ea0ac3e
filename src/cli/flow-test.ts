import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as wholeText } from 'node:stream/consumers';
import { InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { testFlow } from '../operations/test-flow.ts';
import { type Command, groups } from './command.ts';
import { type Host, invoke } from './host.ts';
import { cut } from './table.ts';
import { type Colour, paint, type Terminal, visible } from './terminal.ts';

type Tested = z.output<(typeof testFlow)['output']>;
type Step = Tested['steps'][number];

const valueShown = 2000;

export const flowTest: Command = {
  group: groups.flows,
  name: 'flows test',
  summary: 'take one record through a flow and show every step',
  args: '<flow> <sample>',
  options: () => [
    new Option('--run', 'run the steps that change something outside as well'),
    new Option('--params <json>', 'values of the flow, as a start takes them').argParser(parameters),
  ],
  examples: [
    'sluice flows test drafts/import.yaml customer.json',
    'sluice flows test customer-import customer.json --run',
    'echo \'{"name": "Ada"}\' | sluice flows test customer-import -',
  ],
  async run(host, { args: [flow = '', sample = ''], options }) {
    const output = await invoke(host, testFlow, {
      flow: await flowGiven(host, flow),
      sample: recordOf(await textOf(host, sample), sample),
      ...(options.params === undefined ? {} : { params: options.params }),
      write: options.run === true,
    });
    return {
      json: output,
      text: showTest(host.terminal, output),
      exitCode: output.failure === undefined ? 0 : 1,
    };
  },
};

function parameters(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('It must be JSON, as in \'{"limit": 10}\'.');
  }
}

/** What ends like a file is one; everything else is a name. */
async function flowGiven(host: Host, flow: string) {
  if (!/\.ya?ml$/i.test(flow)) return { name: flow };
  return { text: await textOf(host, flow), file: flow };
}

/** A file, or standard input for `-`. */
export async function textOf(
  { cwd, terminal }: Pick<Host, 'cwd' | 'terminal'>,
  file: string,
): Promise<string> {
  if (file === '-') return wholeText(terminal.input);
  return readFile(resolve(cwd, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SluiceError('invalid_input', `"${file}" cannot be read: ${reasonOf(error)}.`);
  });
}

const reasons: Readonly<Partial<Record<string, string>>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'you may not read it',
};

const reasonOf = ({ code = 'unknown reason' }: NodeJS.ErrnoException) => reasons[code] ?? code;

function recordOf(text: string, file: string): JsonObject {
  const place = file === '-' ? 'Standard input' : `"${file}"`;
  const value = jsonOf(text, place);
  if (isJsonObject(value)) return value as JsonObject;
  const what = Array.isArray(value) ? 'a list; take one element of it' : 'no record';
  const form = 'A record is a JSON object, such as {"id": 1}. Nothing was run.';
  throw new SluiceError('invalid_input', `${place} holds ${what}. ${form}`);
}

function jsonOf(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SluiceError('invalid_input', `${place} is not one JSON value. Nothing was run.`);
  }
}

/** Every step with what it gets and gives, and what the record comes to. */
export function showTest(paper: Pick<Terminal, 'colours'>, { steps, result, failure }: Tested): string[] {
  return [
    ...steps.flatMap((step) => showStep(paper, step)),
    ...(failure === undefined
      ? [`${paint(paper, 'green', 'result')}  ${shown(result ?? null)}`]
      : [
          `${paint(paper, 'red', 'failed')}  ${failure.class}, ${failure.code}: ${visible(failure.message)}`,
          ...(failure.untrusted_message === undefined
            ? []
            : [`  said: "${visible(failure.untrusted_message)}"`]),
        ]),
  ];
}

const colours: Readonly<Record<Step['status'], Colour>> = {
  done: 'green',
  failed: 'red',
  skipped: 'dim',
  withheld: 'yellow',
};
const remarks: Readonly<Partial<Record<Step['status'], string>>> = {
  withheld: ' (it would change something outside; --run runs it)',
};

function showStep(
  paper: Pick<Terminal, 'colours'>,
  { step, kind, status, input, output, error }: Step,
): string[] {
  const state = `${paint(paper, colours[status], status)}${remarks[status] ?? ''}`;
  return [
    `${paint(paper, 'bold', visible(step))}  ${visible(kind)}  ${state}`,
    ...(input === null ? [] : [`  in   ${shown(input)}`]),
    ...(status === 'done' ? [`  out  ${shown(output)}`] : []),
    ...(error === undefined ? [] : [`  ${visible(error)}`]),
  ];
}

const shown = (value: unknown) => cut(visible(JSON.stringify(value)), valueShown);
