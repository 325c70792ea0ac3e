import { z } from 'zod';
import type { PythonRun } from '../../connectors/programs.ts';
import { type Secret, scrubber } from '../../connectors/secret.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { scrubbed } from '../flow-environment.ts';
import type { Scope } from '../names.ts';
import { calculated, type Operation, operands } from './arithmetic.ts';
import { variablesIn, variablesThatMayMiss, wordsIn } from './python-names.ts';
import { type StepBody, type StepCall, type StepSite, stepKind } from './step-kind.ts';

const defaultTimeoutMs = 30_000;

const settings = z.looseObject({
  code: z
    .string()
    .optional()
    .describe(
      'Python; the value of `return`, or of the variable `result`, is the result. No places are filled.',
    ),
  operation: z
    .enum(Object.keys(operands) as Operation[])
    .optional()
    .describe('Instead of code: multiply `item` by `factor`, or divide it by `divisor`; lists item by item.'),
});

type Settings = z.output<typeof settings>;

export const python = stepKind({
  name: 'python',
  doc: [
    'Runs a snippet in the `python3` of this machine, in an interpreter that stays warm; each run has variables of its own. It sees what templates see (`item`, `items`, `record`, `params`, `steps`, `batch`, …), environment variables it names as `env.NAME`, and every further key of the step as `inputs["key"]`, with its places filled. An input named `item` takes the place of `item`. Keys can also be read as attributes: `item.name`.',
    'The result must be JSON; tuples, sets and the values of numpy and pandas become lists and numbers. An exception fails the record with its type and line; a `ConnectionError` or `TimeoutError` is a transient failure, so that `raise TimeoutError` asks for another attempt. What a snippet prints is dropped. After 30 s, or `timeout`, it is killed with all it began.',
  ].join('\n\n'),
  example: `type: python
inputs: { greeting: "Hello {{ record.name }}" }
code: |
  words = inputs['greeting'].split()
  return {'words': len(words)}
`,
  settings,
  compile(given, site) {
    const { code, operation } = given;
    if ((code === undefined) === (operation === undefined)) {
      site.problem([code === undefined ? 'code' : 'operation'], 'needs either code or an operation');
    }
    const inputs = inputsOf(given, site);
    return operation === undefined ? snippet(code ?? '', inputs) : arithmetic(operation, given, inputs, site);
  },
});

type Inputs = (scope: Scope) => JsonObject;

function inputsOf(given: Settings, site: StepSite): Inputs {
  const names = Object.keys(given).filter((key) => key !== 'code' && key !== 'operation');
  const values = names.map((name) => [name, site.value(name)] as const);
  return (scope) => Object.fromEntries(values.map(([name, value]) => [name, value?.(scope) ?? null]));
}

function snippet(code: string, inputs: Inputs): StepBody {
  const words = wordsIn(code);
  const variables = variablesIn(code);
  return {
    hasEffects: true,
    summary: 'python',
    codeSteps: ['python'],
    approval: ['runs Python code on this machine'],
    variables,
    mayMiss: variablesThatMayMiss(code),
    async run(call) {
      const { programs } = call.frame.context.connectors;
      const env = environmentOf(variables, call);
      const result = await programs.python(runOf(code, words, inputs(call.scope), env, call));
      return env.size === 0 ? result : scrubbed(result, scrubber([...env.values()]));
    },
    preview: ({ scope }) => ({ code, inputs: inputs(scope) }),
  };
}

type Environment = ReadonlyMap<string, Secret>;

function environmentOf(variables: readonly string[], { frame }: StepCall): Environment {
  const { connectors } = frame.context;
  return new Map(
    variables.flatMap((name) => {
      const value = connectors.variable(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function runOf(
  code: string,
  words: ReadonlySet<string>,
  inputs: JsonObject,
  env: Environment,
  { scope, step, timeoutMs = defaultTimeoutMs, signal }: StepCall,
): PythonRun {
  const values = Object.fromEntries([...env].map(([name, secret]) => [name, secret.reveal()]));
  const { batch } = scope;
  const index = scope.index ?? (batch as JsonObject | undefined)?.index ?? null;
  const item = Object.hasOwn(inputs, 'item') ? { item: inputs.item as JsonValue } : {};
  const all = { index, ...scope, ...item, inputs, env: values };
  // What it does not mention costs nothing.
  const seen = Object.fromEntries(Object.entries(all).filter(([name]) => words.has(name)));
  return { code, scope: seen, timeoutMs, step, signal };
}

function arithmetic(operation: Operation, given: Settings, inputs: Inputs, site: StepSite): StepBody {
  const operand = operands[operation];
  if (given[operand] === undefined)
    site.problem([operand], 'is missing', `name the number to ${operation} by`);
  for (const key of Object.keys(given).filter((key) => !['operation', 'item', operand].includes(key))) {
    site.problem([key], `is no key of operation: ${operation}`, `it takes item and ${operand}`);
  }
  return {
    hasEffects: false,
    summary: operation,
    run({ scope, step }) {
      const { item = scope.item ?? null, [operand]: by = null } = inputs(scope);
      return calculated(operation, item, by, step);
    },
    preview: ({ scope }) => ({ operation, ...inputs(scope) }),
  };
}
