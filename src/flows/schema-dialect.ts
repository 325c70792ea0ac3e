import { Ajv, type Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import type { JsonObject } from '../domain/json.ts';
import type { InputProblem } from './input-problem.ts';
import { linearPattern } from './linear-pattern.ts';

export type CreateAjv = (options?: Options) => Ajv;

/** Patterns are those of the automaton, which knows no Unicode mode. */
const pattern = Object.assign((text: string) => linearPattern(text), { code: 'linearPattern' });

const options: Options = {
  allErrors: true,
  // Unknown keywords and formats are told with their places before.
  strict: false,
  validateSchema: false,
  ownProperties: true,
  unicodeRegExp: false,
  logger: false,
  code: { regExp: pattern },
};

// The module is CommonJS, of which the type names the exports and Node the whole.
const addFormats = ajvFormats as unknown as typeof ajvFormats.default;

const createWith =
  (Dialect: typeof Ajv | typeof Ajv2020): CreateAjv =>
  (more = {}) =>
    addFormats(new Dialect({ ...options, ...more }));

/** The version of JSON Schema that a schema asks for: draft 2020-12 unless it says draft-07. */
export function dialectOf({ $schema }: JsonObject): {
  ajv: Ajv;
  create: CreateAjv;
  problems: InputProblem[];
} {
  const isDraft7 = typeof $schema === 'string' && $schema.includes('json-schema.org/draft-07/');
  const isKnown =
    $schema === undefined || isDraft7 || String($schema).includes('json-schema.org/draft/2020-12/');
  const create = createWith(isDraft7 ? Ajv : Ajv2020);
  const message = 'must be draft 2020-12 or draft-07 of JSON Schema';
  return { ajv: create(), create, problems: isKnown ? [] : [{ path: ['$schema'], message }] };
}
