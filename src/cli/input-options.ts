import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { Operation } from '../operations/operation.ts';

/** An option of the command line, and the place in an operation's input that it fills. */
export interface InputOption {
  readonly path: readonly string[];
  readonly options: readonly Option[];
}

/** The part of JSON Schema that operation inputs are read by. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

export interface Choice {
  /** Parameters to offer; default: all. */
  readonly only?: readonly string[];
  /** Parameters that the command fills in another way. */
  readonly except?: readonly string[];
  /** Parameters with another name at the command line. */
  readonly rename?: Readonly<Record<string, string>>;
}

/**
 * Options for every parameter of an operation: `max_failures` inside `batch` is `--max-failures`.
 * Lists are separated by commas; what is neither scalar nor a list of scalars is given as JSON.
 *
 * They are made when they are asked for: made for all commands they would take longer than most commands run.
 */
export class InputOptions {
  readonly #make: () => readonly InputOption[];
  #made: readonly InputOption[] | undefined;

  constructor({ input }: Pick<Operation, 'input'>, choice: Choice = {}) {
    this.#make = () => {
      const schema = z.toJSONSchema(input, { io: 'input', target: 'draft-7', reused: 'inline' });
      return optionsBelow(schema as Schema, [], choice);
    };
  }

  get all(): readonly InputOption[] {
    this.#made ??= this.#make();
    return this.#made;
  }

  /** As commander takes them. */
  get flags(): readonly Option[] {
    return this.all.flatMap(({ options }) => options);
  }

  /** The operation's input that the given options stand for. */
  inputFrom(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const input: Record<string, unknown> = {};
    for (const { path, options } of this.all) {
      const [option] = options;
      const value = option && given[option.attributeName()];
      if (value !== undefined) put(input, path, value === jsonNull ? null : value);
    }
    return input;
  }
}

function optionsBelow(schema: Schema, path: readonly string[], choice: Choice): InputOption[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, below]) => {
    if (choice.except?.includes(name)) return [];
    if (path.length === 0 && choice.only?.includes(name) === false) return [];
    const here = [...path, name];
    if (below.properties !== undefined) return optionsBelow(below, here, choice);
    return [{ path: here, options: optionsFor(choice.rename?.[name] ?? name, below) }];
  });
}

function optionsFor(name: string, schema: Schema): Option[] {
  const flag = name.replaceAll('_', '-');
  if (schema.type === 'boolean') return yesAndNo(flag, schema.description ?? '');
  const option = new Option(`--${flag} <${placeholder(schema)}>`, helpOf(schema));
  if (schema.enum !== undefined) return [option.choices(schema.enum)];
  return [option.argParser(parserOf(schema))];
}

/** Both are understood; shown is the one that the description speaks of (`false: stop at …`). */
function yesAndNo(flag: string, description: string): Option[] {
  const speaksOfNo = description.startsWith('false: ');
  const help = helpOf({ description: description.replace(/^(true|false): /, '') });
  return [
    new Option(`--${flag}`, help).hideHelp(speaksOfNo),
    new Option(`--no-${flag}`, help).hideHelp(!speaksOfNo),
  ];
}

function helpOf({ description = '', default: value, items }: Schema): string {
  const remarks = [
    ...(value === undefined ? [] : [`(default ${JSON.stringify(value)})`]),
    ...(items?.enum === undefined
      ? []
      : [`(choices: ${items.enum.map((choice) => `"${choice}"`).join(', ')})`]),
  ];
  const text = [description, ...remarks].join(' ');
  // Help lines begin in lower case, abbreviations aside.
  return text.trim().replace(/^[A-Z](?=[^A-Z])/, (letter) => letter.toLowerCase());
}

const isScalar = ({ type }: Schema) => type === 'string' || isNumber(type);
const isNumber = (type: string | undefined) => type === 'number' || type === 'integer';

function placeholder(schema: Schema): string {
  if (schema.type === 'array' && schema.items !== undefined && isScalar(schema.items)) return 'a,b,…';
  if (isNumber(schema.type)) return 'n';
  if (schema.enum !== undefined) return 'choice';
  return isScalar(schema) ? 'text' : 'json';
}

function parserOf(schema: Schema): (text: string) => unknown {
  if (isNumber(schema.type)) return toNumber;
  if (isScalar(schema)) return (text) => text;
  const { items } = schema;
  if (schema.type !== 'array') return toValue('{"name": "Ada"}');
  if (items === undefined || !isScalar(items)) return toValue('[{"name": "Ada"}]');
  const parse = parserOf(items);
  return (text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(parse);
}

function toNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}

/** Stands for null, which commander takes for an option without a value. */
const jsonNull = Symbol('null');

const toValue =
  (example: string) =>
  (text: string): unknown => {
    try {
      return JSON.parse(text) ?? jsonNull;
    } catch {
      throw new InvalidArgumentError(`It must be JSON, as in '${example}'.`);
    }
  };

/** The names of an operation's parameters, with those inside of others instead of the others. */
export function parameterNames({ input }: Pick<Operation, 'input'>): string[] {
  return namesBelow(objectIn(input));
}

function namesBelow(object: z.ZodObject | undefined): string[] {
  return Object.entries(object?.shape ?? {}).flatMap(([name, schema]) => {
    const below = objectIn(schema as z.ZodType);
    return below === undefined ? [name] : namesBelow(below);
  });
}

/** What is optional, has a default or is turned into something else is an object all the same. */
function objectIn(schema: z.core.$ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema;
  const { innerType, in: given } = schema._zod.def as { innerType?: z.ZodType; in?: z.ZodType };
  const inner = innerType ?? given;
  return inner && objectIn(inner);
}

/** Sets a value inside an input, making the objects on the way. */
export function put(input: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name, ...deeper] = path;
  if (name === undefined) return;
  if (deeper.length === 0) {
    input[name] = value;
    return;
  }
  const inner = (input[name] ?? {}) as Record<string, unknown>;
  input[name] = inner;
  put(inner, deeper, value);
}
