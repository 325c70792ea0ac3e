import { type FileProblem, maxFileProblems } from '../connectors/file-problem.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { inputOf } from './input-schema.ts';
import { compileMappingBlock, type Mapping } from './mapping.ts';
import { recordNames, withNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';

/** What whoever sends a record to a published flow gets of what came of it. */
export interface PublishedResponse {
  /** What the response is, as JSON Schema; undefined: the flow does not say. */
  readonly schema: JsonObject | undefined;
  /** Made of the record and its result; a failure says why there is none, though the record has succeeded. */
  readonly of: (record: JsonValue, result: JsonValue) => { response: JsonValue } | { failure: Failure };
}

/** What the texts of `responseMapping` see: the record, and what the flow returned for it. */
const names = withNames(recordNames, ['result']);

/** The response of a `published_api` block, if it speaks of one, and what is wrong with it in the file. */
export function responseOf(
  yaml: YamlFile,
  block: unknown,
  lookups: Lookups,
): { response: PublishedResponse | undefined; problems: FileProblem[] } {
  const { responseMapping, responseSchema } = isJsonObject(block) ? block : {};
  const { mapping, problems: unmapped } = compileMappingBlock(responseMapping, 'responseMapping', {
    lookups,
    names,
  });
  const { input: schema, problems: unfit } = inputOf(yaml, responseSchema, [
    'published_api',
    'responseSchema',
  ]);
  const problems = [
    ...unmapped.slice(0, maxFileProblems).map(({ path, key, at, message, suggestion }) => {
      const whole = ['published_api', ...path];
      const spot = key === true ? { path: whole, key } : { path: whole, offset: at };
      return yaml.problem(spot, `${whole.join('.')}: ${message}`, suggestion);
    }),
    ...unfit,
  ];
  if (mapping === undefined && schema === undefined) return { response: undefined, problems };
  const of: PublishedResponse['of'] = (record, result) => {
    const made = mapped(mapping, record, result);
    if ('failure' in made) return made;
    const failure = schema?.check(made.response, false);
    return failure === undefined ? made : { failure: invalid(failure) };
  };
  return { response: { schema: schema?.schema, of }, problems };
}

function mapped(
  mapping: Mapping | undefined,
  record: JsonValue,
  result: JsonValue,
): { response: JsonValue } | { failure: Failure } {
  if (mapping === undefined) return { response: result };
  try {
    return { response: mapping.apply({ record, result }) };
  } catch (error) {
    if (error instanceof RecordFailure) return { failure: invalid(error.failure) };
    throw error;
  }
}

const invalid = ({ message }: Failure): Failure => ({
  class: 'bug',
  code: 'response_invalid',
  step: 'response',
  message: `The record was taken, but the flow made another response of it than it publishes: ${message}`,
});
