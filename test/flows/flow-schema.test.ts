import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { flowJsonSchema } from '../../src/flows/flow-schema.ts';
import { stepKinds } from '../../src/flows/steps/catalogue.ts';

const root = resolve(import.meta.dirname, '../..');
const ajv = new Ajv({ strict: false, allErrors: true });
const validate = ajv.compile(flowJsonSchema());

function complaints(flow: unknown): string[] {
  validate(flow);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}

/** Every flow that the documents show. */
function documented(): [string, string][] {
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
  return documents
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      const blocks = [...text.matchAll(/^```yaml flow\n([\s\S]*?)^```$/gm)];
      return blocks.map(([, block = ''], at): [string, string] => [`${name} ${at + 1}`, block]);
    });
}

const files = readdirSync(join(root, 'examples/flows'))
  .filter((name) => name !== 'connectors.yaml' && name.endsWith('.yaml'))
  .map((name): [string, string] => [name, readFileSync(join(root, 'examples/flows', name), 'utf8')]);

test.each([...documented(), ...files])('the flow of %s fits the schema', (_, text) => {
  expect(complaints(parse(text))).toEqual([]);
});

test.each(stepKinds.map(({ name, example }) => [name, example]))(
  'the example of %s fits the schema',
  (_, example) => {
    expect(complaints({ flow: 'x', steps: [parse(example)] })).toEqual([]);
    expect(complaints({ flow: 'x', steps: { only: parse(example) } })).toEqual([]);
  },
);

test('there is a branch for every kind of step, with its words for people', () => {
  const { definitions } = flowJsonSchema() as { definitions: Record<string, Record<string, unknown>> };

  expect(definitions.step?.anyOf).toEqual(
    stepKinds.map(({ name }) => ({ $ref: `#/definitions/step_${name}` })),
  );
  for (const { name, doc } of stepKinds) {
    expect(definitions[`step_${name}`]).toMatchObject({ title: `Step: ${name}`, description: doc });
  }
});

const echo = { type: 'echo' };

test.each<[string, object]>([
  ['a key nobody knows', { flow: 'x', target: 'echo', maping: {} }],
  ['a target and steps', { flow: 'x', target: 'echo', steps: [echo] }],
  ['no steps', { flow: 'x', steps: [] }],
  ['a kind nobody knows', { flow: 'x', steps: [{ type: 'ecko' }] }],
  ['a key of another kind', { flow: 'x', steps: [{ ...echo, mapping: {} }] }],
  ['a wrong key below inputs', { flow: 'x', steps: [{ task: 'echo', inputs: { mesage: 1 } }] }],
  ['a wrong step in a batch', { flow: 'x', steps: { type: 'batch', items: [1], task: { type: 'ecko' } } }],
  [
    'a wrong step in a case',
    { flow: 'x', steps: [{ type: 'switch', on: 'record.a', cases: { b: { type: 'ecko' } } }] },
  ],
  ['a wrong step in on_error', { flow: 'x', steps: [{ ...echo, on_error: { type: 'ecko' } }] }],
  ['a wrong step in finally', { flow: 'x', steps: [echo], finally: { a: { type: 'ecko' } } }],
  ['a name that is none', { flow: '../x', target: 'echo' }],
])('%s does not fit, nor does it compile', (_, flow) => {
  expect(complaints(flow)).not.toEqual([]);
  expect(compileFlow(JSON.stringify(flow), 'x.yaml')).toHaveProperty('problems');
});

test.each<[string, object]>([
  [
    'steps as a map',
    { flow: 'x', steps: { a: echo, b: { task: 'echo', inputs: { message: 'm', retry: '2x fixed(1s)' } } } },
  ],
  ['one step', { flow: 'x', steps: echo }],
  ['a flow without a name of its own', { steps: [echo] }],
  ['an alias of a kind', { flow: 'x', steps: [{ type: 'http', connector: 'c', path: '/' }] }],
  [
    'nested steps',
    {
      flow: 'x',
      steps: { type: 'batch', items: [1], task: { type: 'switch', on: 'item', cases: { 1: [echo, echo] } } },
    },
  ],
])('%s fits, and compiles', (_, flow) => {
  expect(complaints(flow)).toEqual([]);
  expect(compileFlow(JSON.stringify(flow), 'x.yaml')).toHaveProperty('flow');
});
