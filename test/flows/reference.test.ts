import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parseConnectors } from '../../src/connectors/connectors-file.ts';
import { errorClasses } from '../../src/domain/failure.ts';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { formatProblem } from '../../src/flows/flow-identity.ts';
import { transforms } from '../../src/flows/transforms/catalogue.ts';
import type { ArgumentRule } from '../../src/flows/transforms/transform.ts';
import { evaluate } from './evaluate.ts';

const docs = resolve(import.meta.dirname, '../../docs');
const flows = readFileSync(join(docs, 'flows.md'), 'utf8');

const argument = ({ name, optional, many }: ArgumentRule) =>
  `${name}${many ? ', …' : ''}${optional ? '?' : ''}`;

function row({ name, aliases = [], args, doc }: (typeof transforms)[number]): string {
  const call = args.length === 0 ? name : `${name}(${args.map(argument).join(', ')})`;
  const also =
    aliases.length === 0 ? '' : ` Also called ${aliases.map((alias) => `\`${alias}\``).join(', ')}.`;
  return `| \`${call}\` | ${doc.replaceAll('|', '\\|')}${also} |`;
}

test('docs/transforms.md lists every transform', async () => {
  const about = 'What a pipe does to a value, from left to right: `source.name | trim | required`.';
  const lines = [
    '# Transforms',
    '',
    about,
    '',
    '| transform | gives |',
    '|---|---|',
    ...transforms.map(row),
    '',
  ];

  await expect(lines.join('\n')).toMatchFileSnapshot(join(docs, 'transforms.md'));
});

const examples = [...flows.matchAll(/^```yaml flow\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);

test('docs/flows.md has examples of both kinds', () => {
  expect(examples.map((text) => /^steps:/m.test(text))).toEqual(expect.arrayContaining([true, false]));
});

test.each(examples.map((text) => [/^flow: (.*)$/m.exec(text)?.[1], text] as const))(
  'the example %s of docs/flows.md compiles',
  (_, text) => {
    const made = compileFlow(text, 'flows.md');

    expect('problems' in made ? made.problems.map(formatProblem) : []).toEqual([]);
  },
);

test('what the patterns of docs/flows.md are said to make of a text is what they make', () => {
  const said = [...flows.matchAll(/(source\.(\w+) \| (?:replace_pattern|extract)\(.*?) # (.+) is (.+)$/gm)];

  expect(said).toHaveLength(3);
  for (const [, pipe = '', field = '', from = '', to] of said) {
    expect(String(evaluate(pipe, { [field]: from }))).toBe(to);
  }
});

test('the example connectors of docs/flows.md are declared without problems', () => {
  const [, text = ''] = /^```yaml connectors\n([\s\S]*?)^```$/m.exec(flows) ?? [];

  expect(text).not.toBe('');
  expect(parseConnectors(text, 'flows.md')).toHaveProperty('connectors');
});

test('the table of error classes is the list of the domain', () => {
  const table = flows.split(/^\| class +\|/m)[1] ?? '';
  const named = [...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name);

  expect(named.sort()).toEqual([...errorClasses].sort());
});
