import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { compileFlow } from '../../../src/flows/compile-flow.ts';
import { formatProblem } from '../../../src/flows/flow-identity.ts';
import { commonSchema } from '../../../src/flows/step-file.ts';
import { stepKinds } from '../../../src/flows/steps/catalogue.ts';
import type { StepKind } from '../../../src/flows/steps/step-kind.ts';

const docs = resolve(import.meta.dirname, '../../../docs');

interface Key {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
}

/** Rows of the keys a schema has, as its JSON Schema tells them. */
function rows(schema: z.ZodType): string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, key]) => {
    const { description = '', enum: words } = key as Key;
    const choice = words === undefined ? '' : `${words.map((word) => `\`${word}\``).join(', ')}. `;
    const must = required.includes(name) ? ' (required)' : '';
    return `| \`${name}\`${must} | ${(choice + description).replaceAll('|', '\\|')} |`;
  });
}

const table = (schema: z.ZodType) => ['| key | meaning |', '| --- | --- |', ...rows(schema)];

const page = ({ name, aliases = [], doc, settings, example }: StepKind) => [
  `## ${name}`,
  '',
  ...(aliases.length === 0 ? [] : [`Also written ${aliases.map((alias) => `\`${alias}\``).join(', ')}.`, '']),
  doc,
  '',
  ...(rows(settings).length === 0 ? [] : [...table(settings), '']),
  '```yaml',
  example.trimEnd(),
  '```',
  '',
];

test('docs/steps.md describes every kind of step by its schema', async () => {
  const head = [
    '# Steps',
    '',
    'The kinds of steps and their keys, made from their schemas. [flows.md](flows.md) says how steps work together.',
    '',
  ];
  const aboutCommon = 'Besides `name`, `type` and the keys of its kind every step may have these.';
  const common = ['## Keys of every step', '', aboutCommon, '', ...table(commonSchema), ''];
  const text = [...head, ...common, ...stepKinds.flatMap(page)].join('\n');

  await expect(text).toMatchFileSnapshot(join(docs, 'steps.md'));
});

test.each(stepKinds.map((kind) => [kind.name, kind] as const))(
  'the example of %s compiles',
  (name, { example }) => {
    const step = example.replace(/^/gm, '      ').trimEnd();
    const atEnd = name === 'aggregate';
    const text = atEnd ? `steps: [{ type: echo }]\nfinally:\n  one:\n${step}\n` : `steps:\n  one:\n${step}\n`;
    const made = compileFlow(text, 'example.yaml');

    expect('problems' in made ? made.problems.map(formatProblem) : []).toEqual([]);
  },
);

test.each(stepKinds.map((kind) => [kind.name, kind] as const))(
  '%s describes each of its keys',
  (_, { settings }) => {
    const { properties = {} } = z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' });
    const silent = Object.entries(properties).filter(([, key]) => (key as Key).description === undefined);

    expect(silent.map(([key]) => key)).toEqual([]);
  },
);
