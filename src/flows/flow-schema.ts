import { z } from 'zod';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { flowFileSchema } from './flow-file.ts';
import { commonKeys, commonSchema } from './step-file.ts';
import { stepFlowFileSchema } from './step-flow-file.ts';
import { stepKinds } from './steps/catalogue.ts';
import type { StepKind } from './steps/step-kind.ts';

/** A schema under way: what zod gives, put together anew. */
type Schema = { [key: string]: JsonValue };

/**
 * JSON Schema (draft 7, which editors take) of a flow's file: a mapping flow or a flow of steps, with a
 * branch for every kind of step. Made of the schemas that files are checked with.
 */
export function flowJsonSchema(): JsonObject {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Sluice flow',
    description: 'What happens to one record of a batch job, or to one chunk of them.',
    oneOf: [ref('mapping_flow'), ref('step_flow')],
    definitions: {
      mapping_flow: {
        title: 'Mapping flow',
        description: 'One call for each record.',
        ...schemaOf(flowFileSchema),
      },
      step_flow: {
        title: 'Step flow',
        description: 'Named steps, one after the other.',
        ...schemaOf(stepFlowFileSchema),
      },
      steps: {
        title: 'Steps',
        description: 'A list of steps, a map of them in order, or one step.',
        anyOf: [
          { type: 'array', minItems: 1, items: ref('step') },
          ref('step'),
          { type: 'object', minProperties: 1, additionalProperties: ref('step') },
        ],
      },
      every_step: { title: 'Keys of every step', properties: schemaOf(commonSchema).properties ?? {} },
      step: { title: 'Step', anyOf: stepKinds.map(({ name }) => ref(`step_${name}`)) },
      ...Object.fromEntries(stepKinds.map((kind) => [`step_${kind.name}`, stepSchema(kind)])),
    },
  };
}

const ref = (name: string) => ({ $ref: `#/definitions/${name}` });

/** One kind of step: its name, the keys of every step, and its own keys beside them or under `inputs`. */
function stepSchema({ name, aliases = [], doc, settings }: StepKind): Schema {
  const own = schemaOf(settings);
  const keys = own.properties as Schema;
  const common = Object.fromEntries([...commonKeys].map((key) => [key, ref(`every_step/properties/${key}`)]));
  const { timeout = {}, retry = {} } = common;
  const kind = { type: 'string', enum: [name, ...aliases], description: doc.split('\n\n')[0] ?? '' };
  const required = (own.required ?? []) as string[];
  return {
    title: `Step: ${name}`,
    description: doc,
    type: 'object',
    properties: {
      name: { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$', description: 'Of the step.' },
      type: kind,
      ...common,
      ...keys,
      // Another word for `type`, where the kind has no key of this name.
      task: keys.task === undefined ? kind : { anyOf: [kind, keys.task] },
      inputs: {
        type: 'object',
        description: 'The keys of this kind of step, together.',
        properties: { timeout, retry, ...keys },
        additionalProperties: own.additionalProperties ?? false,
      },
    },
    allOf: [
      { anyOf: [{ required: ['type'] }, { required: ['task'], properties: { task: kind } }] },
      ...(required.length === 0 ? [] : [{ anyOf: [{ required }, { required: ['inputs'] }] }]),
    ],
    additionalProperties: own.additionalProperties ?? false,
  };
}

/** Draft 7 of a zod schema, as it is written in a file. */
function schemaOf(schema: z.ZodType): Schema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    reused: 'inline',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => pointToSteps(zodSchema, jsonSchema as Schema),
  });
  return json as Schema;
}

/** Where further steps stand, they are checked as steps. */
function pointToSteps(schema: z.core.$ZodType, json: Schema): void {
  // Zod's own word for a pattern, which no editor knows.
  if (json.format === 'starts_with') delete json.format;
  const holds = z.globalRegistry.get(schema)?.holds;
  delete json.holds;
  if (holds !== 'step' && holds !== 'steps') return;
  const { description } = json;
  for (const key of Object.keys(json)) delete json[key];
  Object.assign(json, ref(holds), description === undefined ? {} : { description });
}
