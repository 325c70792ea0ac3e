import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import type { FileProblem } from '../connectors/file-problem.ts';
import { maxFileProblems } from '../connectors/file-problem.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import type { Failure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { ExpectedField, Flow } from './flow.ts';
import { recordReader } from './input-cells.ts';
import type { InputProblem } from './input-problem.ts';
import { readShorthand } from './input-shorthand.ts';
import { formOf, inputFailure, wordsFor } from './input-words.ts';
import { type CreateAjv, dialectOf } from './schema-dialect.ts';
import { partsOf, schemaProblems } from './schema-problems.ts';

/** The `input` block of a flow, ready for every record. */
export interface InputCheck {
  readonly fields: readonly ExpectedField[];
  /** As JSON Schema. */
  readonly schema: JsonObject;
  /** See `Flow.checkInput`. */
  readonly check: (payload: JsonValue, textual: boolean) => Failure | undefined;
}

/** Compiles an `input` block: JSON Schema, or the short form. */
function compileInput(block: JsonObject): { check: InputCheck } | { problems: InputProblem[] } {
  const isSchema = isWholeSchema(block);
  const { schema, problems } = isSchema ? { schema: block, problems: [] } : readShorthand(block);
  const dialect = dialectOf(schema);
  const wrong = [...problems, ...dialect.problems, ...problemsOf(dialect.ajv, schema)];
  if (wrong.length > 0)
    return { problems: isSchema ? wrong : wrong.map((problem) => inShorthand(problem, block)) };
  return { check: checkOf(dialect.create, schema) };
}

/** The `input` block of a flow's file, or another one of its kind, and what is wrong with it, at its place. */
export function inputOf(
  yaml: YamlFile,
  block: unknown,
  place: readonly string[] = ['input'],
): { input: InputCheck | undefined; problems: FileProblem[] } {
  // What is no map is told with the shape of the file.
  if (!isJsonObject(block)) return { input: undefined, problems: [] };
  const compiled = compileInput(block);
  if ('check' in compiled) return { input: compiled.check, problems: [] };
  const problems = compiled.problems
    .slice(0, maxFileProblems)
    .map(({ path, at, key, message, suggestion }) => {
      const whole = [...place, ...path];
      const spot = {
        path: whole,
        ...(key === true ? { key } : {}),
        ...(at === undefined ? {} : { offset: at }),
      };
      return yaml.problem(spot, `${whole.join('.')}: ${message}`, suggestion);
    });
  return { input: undefined, problems };
}

/** The flow with its `input` block: what it checks, and the fields it names. */
export function withInput(flow: Flow, input: InputCheck | undefined): Flow {
  if (input === undefined) return flow;
  const fields = new Map(flow.expects.map((field) => [field.path, field]));
  for (const field of input.fields) {
    const required = field.required || fields.get(field.path)?.required === true;
    fields.set(field.path, { ...field, required });
  }
  return { ...flow, checkInput: input.check, expects: [...fields.values()] };
}

const isWholeSchema = ({ $schema, properties, type }: JsonObject) =>
  $schema !== undefined || type === 'object' || isJsonObject(properties);

function problemsOf(ajv: Ajv, schema: JsonObject): InputProblem[] {
  const { $schema: _, ...rest } = schema;
  const formats = Object.keys(ajv.formats);
  const found = schemaProblems(rest, formats);
  const isValid = ajv.validateSchema(rest);
  const errors = isValid === true ? [] : (ajv.errors ?? []);
  const told = new Set(found.map(({ path }) => path.join('/')));
  return [...found, ...errors.flatMap((error) => misuse(error, told))];
}

/** A place is told once, in the first words found for it. */
function misuse(error: ErrorObject, told: Set<string>): InputProblem[] {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const place = path.join('/');
  if (told.has(place) || error.keyword === 'anyOf' || error.keyword === 'if') return [];
  told.add(place);
  return [{ path, message: wordsFor(error) }];
}

/** Problems of what the short form was made into, at the field they come from. */
function inShorthand(problem: InputProblem, block: JsonObject): InputProblem {
  const path: (string | number)[] = [];
  let value: JsonValue | undefined = block;
  for (const step of problem.path) {
    const key: string | number = step === 'items' && Array.isArray(value) ? 0 : step;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) continue;
    path.push(key);
    value = (value as Record<string | number, JsonValue>)[key];
  }
  const { message, suggestion, at } = problem;
  return {
    path,
    message,
    ...(at === undefined ? {} : { at }),
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function checkOf(create: CreateAjv, schema: JsonObject): InputCheck {
  const { $schema: _, ...rest } = schema;
  const names = namesIn(rest);
  // The schema of an error says what `not` is about.
  const validator = late(() => create({ verbose: true }).compile(rest));
  const readCells = late(() => recordReader(rest));
  return {
    fields: fieldsOf(rest),
    schema,
    check(payload, textual) {
      const errors = errorsOf(validator, textual ? readCells()(payload) : payload);
      const telling = errors.filter((error) => !isInner(error));
      return telling.length === 0 ? undefined : inputFailure(telling, names);
    },
  };
}

function errorsOf(validator: () => ValidateFunction, payload: unknown): readonly ErrorObject[] {
  try {
    const validate = validator();
    return validate(payload) ? [] : (validate.errors ?? []);
  } catch (error) {
    // Parts of a schema may hold each other without end.
    if (!(error instanceof RangeError)) throw error;
    return [{ instancePath: '', schemaPath: '', keyword: 'endless', params: {} }];
  }
}

/** Of forms of which one has to fit, that none does is enough to know. */
const isInner = ({ schemaPath, keyword }: ErrorObject) =>
  /\/(?:anyOf|oneOf)\/\d+\//.test(schemaPath) || keyword === 'if';

/** Every name of a field that the schema gives. */
function namesIn(schema: JsonObject): ReadonlySet<string> {
  const given = partsOf(schema).flatMap(({ schema: { properties, required } }) => [
    ...(isJsonObject(properties) ? Object.keys(properties) : []),
    ...(Array.isArray(required) ? required.map(String) : []),
  ]);
  return new Set(given);
}

function fieldsOf({ properties, required }: JsonObject): ExpectedField[] {
  if (!isJsonObject(properties)) return [];
  const wanted = new Set(Array.isArray(required) ? required.map(String) : []);
  return Object.entries(properties).map(([path, schema]) => ({
    path,
    required: wanted.has(path),
    form: formOf(schema),
  }));
}

/** A validator takes milliseconds to make, and most flows that are read are not run. */
function late<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
