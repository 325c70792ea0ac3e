import { z } from 'zod';
import { didYouMean } from '../connectors/did-you-mean.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';

/** What a value may have to be, in the words of JSON Schema. */
const parameterTypes = ['string', 'number', 'integer', 'boolean', 'array', 'object'] as const;
export type ParameterType = (typeof parameterTypes)[number];

/** A value that a start may bring along. */
export interface Parameter {
  readonly name: string;
  readonly required: boolean;
  /** undefined: there is none. */
  readonly byDefault: JsonValue | undefined;
  /** Any, unless given. */
  readonly type?: ParameterType;
  readonly description?: string;
}

/** What is wrong with a `params` block, and where in it. */
export interface ParameterProblem {
  readonly path: readonly string[];
  readonly message: string;
  readonly suggestion?: string;
}

const parameterName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be a name of letters, digits and _');

/** A value is the default itself, a map of the words of a declaration declares. */
export const parametersSchema = z.record(parameterName, z.unknown());

const declaration = z.strictObject({
  type: z.enum(parameterTypes).optional(),
  required: z.boolean().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
});

const words = {
  type: `one of ${parameterTypes.join(', ')}; a default that is a map is written as default: {type: …}`,
  required: 'true or false',
  description: 'a text',
  default: 'a value',
};

/** What is wrong with the declarations of a `params` block; no block has nothing wrong. */
export function parameterProblems(block: unknown): ParameterProblem[] {
  if (!isJsonObject(block)) return [];
  return Object.entries(block).flatMap(([name, written]) =>
    isDeclaration(written) ? problemsOf(name, written) : [],
  );
}

function problemsOf(name: string, written: JsonObject): ParameterProblem[] {
  const problems = Object.entries(written).flatMap(([key, value]) => wordProblem(name, key, value));
  const { success, data } = declaration.safeParse(written);
  if (!success || data.type === undefined || data.default == null || fitsType(data.default, data.type)) {
    return problems;
  }
  const path = ['params', name, 'default'];
  return [{ path, message: `params.${name}.default must be ${typeInWords(data.type)}, as its type says` }];
}

function wordProblem(name: string, key: string, value: JsonValue): ParameterProblem[] {
  const path = ['params', name, key];
  if (!isWord(key)) {
    const suggestion = didYouMean(key, Object.keys(words));
    return [{ path, message: `unknown key "${key}"`, ...(suggestion === undefined ? {} : { suggestion }) }];
  }
  if (declaration.safeParse({ [key]: value }).success) return [];
  return [{ path, message: `params.${name}.${key} must be ${words[key]}` }];
}

const isWord = (key: string): key is keyof typeof words => Object.hasOwn(words, key);

/** A map is a default of its own unless it holds a word of a declaration, or a slip of one. */
function isDeclaration(written: unknown): written is JsonObject {
  if (!isJsonObject(written)) return false;
  return Object.keys(written).some(
    (key) => isWord(key) || (key.length > 4 && nearest(key, Object.keys(words)) !== undefined),
  );
}

/** The parameters of a block that has no problems. */
export function parametersOf(block: Readonly<Record<string, unknown>> = {}): Parameter[] {
  return Object.entries(block).map(([name, written]): Parameter => {
    if (!isDeclaration(written)) {
      return { name, required: false, byDefault: (written ?? null) as JsonValue };
    }
    const { required, default: byDefault, type, description } = declaration.parse(written);
    return {
      name,
      required: required ?? byDefault === undefined,
      byDefault: byDefault as JsonValue | undefined,
      ...(type === undefined ? {} : { type }),
      ...(description === undefined ? {} : { description }),
    };
  });
}

/** Whether a value is of a type, as JSON Schema says it: 2.0 is an integer. */
export function fitsType(value: unknown, type: ParameterType): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isJsonObject(value);
  return typeof value === type;
}

/** With its article, for a sentence. */
export const typeInWords = (type: ParameterType): string => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
