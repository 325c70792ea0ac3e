import type { z } from 'zod';
import { checkInput } from '../operations/check-input.ts';
import type { Operation } from '../operations/operation.ts';
import type { Command } from './command.ts';
import { gatherPages } from './gather-pages.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { InputOptions, put } from './input-options.ts';
import { flagsOf } from './next-step.ts';
import { shellWord } from './shell-word.ts';
import { type Terminal, toJson } from './terminal.ts';

/** How an answer was asked for. */
export interface Asked {
  readonly input: Readonly<Record<string, unknown>>;
  /** The same command line with other parameters, to be copied. */
  readonly again: (changes: Readonly<Record<string, unknown>>) => string;
}

export interface OperationCommand<Input extends z.ZodType, Output extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly args?: string;
  /** Parameters that the positional arguments fill, in their order, and what they are when left out. */
  readonly positional?: readonly { readonly parameter: string; readonly otherwise?: string }[];
  /** Parameters the command does not offer. */
  readonly without?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** Parameters with a value of the command's own. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly examples?: readonly string[];
  /** A list of the answer that is gathered from several pages, to as many items as are asked for. */
  readonly gathers?: keyof z.output<Output>;
  /** What a terminal has room for besides, in an answer made for a conversation. */
  readonly complete?: (host: Host, output: z.output<Output>) => Promise<z.output<Output>>;
  readonly show: (
    paper: Pick<Terminal, 'colours' | 'width'>,
    output: z.output<Output>,
    asked: Asked,
  ) => readonly string[];
  /** What is told to the person on stderr, so that a script gets the answer alone. */
  readonly aside?: (output: z.output<Output>) => readonly string[];
  readonly exitCode?: (output: z.output<Output>) => number;
  readonly operation: Operation<Input, Output>;
}

/** A command that is one call of an operation; its options are the operation's parameters. */
export function operationCommand<Input extends z.ZodType, Output extends z.ZodType>(
  spec: OperationCommand<Input, Output>,
): Command {
  const { operation, positional = [], fixed = {}, exitCode = () => 0, complete } = spec;
  const named = positional.map(({ parameter }) => parameter);
  const except = [...named, ...(spec.without ?? []), ...Object.keys(fixed)];
  const options = new InputOptions(operation, { except, rename: spec.rename ?? {} });
  const { name, summary, group, args, examples } = spec;
  return {
    name,
    summary,
    group,
    ...(args === undefined ? {} : { args }),
    ...(examples === undefined ? {} : { examples }),
    options: () => options.flags,
    async run(host, given): Promise<Answer> {
      const input = { ...options.inputFrom(given.options), ...fixed };
      for (const [at, { parameter, otherwise }] of positional.entries()) {
        put(input, [parameter], given.args[at] ?? otherwise);
      }
      const page = await ask(host, spec, input);
      const output = complete === undefined ? page : await complete(host, page);
      // "latest" may be another job by the time the line is copied.
      const found: Record<string, unknown> = { ...input, ...(output as object) };
      const words = named.flatMap((parameter) => found[parameter] ?? []).map(String);
      const again = (changes: object) =>
        commandLine([...name.split(' '), ...words], flagsOf(options, { ...input, ...changes }));
      const aside = given.json ? [] : (spec.aside?.(output) ?? []);
      for (const line of aside) host.terminal.err.write(`${line}\n`);
      const text = spec.show(host.terminal, output, { input, again });
      return { json: output, text, exitCode: exitCode(output) };
    },
  };
}

const commandLine = (words: readonly string[], flags: readonly string[]) =>
  `\`${['sluice', ...words.map(shellWord), ...flags].join(' ')}\``;

function ask<Input extends z.ZodType, Output extends z.ZodType>(
  host: Host,
  { operation, gathers }: OperationCommand<Input, Output>,
  input: Record<string, unknown>,
): Promise<z.output<Output>> {
  // A cursor stands behind what an offset has passed over.
  const { offset: _, ...behind } = input;
  const askFor = (more: { readonly cursor?: string }) =>
    invoke(host, operation, { ...(more.cursor === undefined ? input : behind), ...more });
  if (gathers === undefined) return askFor({});
  const { limit } = checkInput(operation, input) as { readonly limit: number };
  return gatherPages(gathers, limit, askFor);
}

/** Every operation under its own name, for scripts and for operations without a command of their own. */
export function plainCommand(operation: Operation): Command {
  const options = new InputOptions(operation);
  return {
    name: operation.name.replaceAll('_', '-'),
    summary: operation.title,
    isHidden: true,
    options: () => options.flags,
    async run(host, given) {
      const output = await invoke(host, operation, options.inputFrom(given.options));
      return { json: output, text: [toJson(output)] };
    },
  };
}
