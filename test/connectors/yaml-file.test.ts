import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/connectors/file-problem.ts';
import { readYaml, type Spot } from '../../src/connectors/yaml-file.ts';
import { cpuMs } from '../support/cpu-time.ts';

function problemsOf(text: string): string[] {
  const read = readYaml(text, 'a.yaml');
  return 'problems' in read ? read.problems.map(formatProblem) : [];
}

function placeOf(text: string, spot: Spot): string {
  const read = readYaml(text, 'a.yaml');
  if ('problems' in read) throw new Error(read.problems.map(formatProblem).join());
  const { line, column } = read.yaml.problem(spot, 'x');
  return `${line}:${column}`;
}

const text = `top:
  plain: source.a | trim
  double: "source.b | trim"
  single: 'it''s | trim'
  escaped: "a\\tb | trim"
  list: [1, { deep: x }]
  copy: &anchor { inner: y }
other:
  again: *anchor
`;

test.each<[Spot, string]>([
  [{ path: ['top'], key: true }, '1:1'],
  [{ path: ['top', 'plain'], key: true }, '2:3'],
  [{ path: ['top', 'plain'] }, '2:10'],
  [{ path: ['top', 'plain'], offset: 11 }, '2:21'],
  [{ path: ['top', 'double'], offset: 11 }, '3:23'],
  [{ path: ['top', 'single'], offset: 7 }, '4:20'],
  [{ path: ['top', 'escaped'], offset: 6 }, '5:12'],
  [{ path: ['top', 'list', 1, 'deep'] }, '6:21'],
  [{ path: ['other', 'again', 'inner'] }, '7:26'],
  [{ path: ['top', 'missing'] }, '1:1'],
  [{ path: ['nothing', 'at', 'all'] }, '1:1'],
])('the spot %j is at %s', (spot, place) => {
  expect(placeOf(text, spot)).toBe(place);
});

test.each<[number, string]>([
  [0, '3:5'],
  [7, '4:1'],
  [11, '5:8'],
  [15, '6:5'],
])('character %i of a block is at %s', (offset, place) => {
  expect(placeOf('a: 1\nb: |\n    select\n\n      ab c\n    d\n', { path: ['b'], offset })).toBe(place);
});

test('a long block is no deep nesting, whatever follows it', () => {
  expect(problemsOf(`a: |\n${'  a line of a block\n'.repeat(50)}b: 1\n`)).toEqual([]);
});

test('every mistake in the syntax is reported with its place', () => {
  expect(problemsOf('a: 1\na: 2\nb: [1\nc: "x')).toEqual([
    'a.yaml:2:1 the key "a" is given twice',
    'a.yaml:3:4 the [ is not closed',
    'a.yaml:4:4 the " is not closed',
  ]);
});

test.each([
  ['an unknown tag', 'a: !!js/function "x"'],
  ['two documents', 'a: 1\n---\nb: 2'],
  ['an unknown alias', 'a: *nobody'],
  ['a bomb of aliases', 'a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]'],
  ['a million brackets', '['.repeat(1_000_000 - 1)],
  ['a million braces', '{'.repeat(1_000_000 - 1)],
  ['dashes without end', '- '.repeat(400_000)],
  ['question marks without end', '? '.repeat(400_000)],
  ['maps without end', Array.from({ length: 900 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['a text that is too large', 'a'.repeat(1_000_001)],
])('%s is refused quickly', (_, hostile) => {
  const begun = cpuMs();

  const problems = problemsOf(hostile);

  expect(problems.length).toBeGreaterThan(0);
  expect(cpuMs() - begun).toBeLessThan(1_000);
});

test('a __proto__ key stays a plain key', () => {
  const read = readYaml('__proto__: { polluted: true }', 'a.yaml');

  expect('yaml' in read && Object.keys(read.yaml.value as object)).toEqual(['__proto__']);
  expect({}).not.toHaveProperty('polluted');
});

test('no text makes reading throw', () => {
  const piece = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '|',
    '>',
    '&x ',
    '*x',
    '!t ',
    '#',
    '? ',
    ',',
    '\t',
    '%',
    '---',
  );

  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const begun = cpuMs();
      const read = readYaml(pieces.join(''), 'a.yaml');

      if ('problems' in read)
        for (const { line, column } of read.problems) expect(Math.min(line, column)).toBeGreaterThan(0);
      expect(cpuMs() - begun).toBeLessThan(250);
    }),
    { numRuns: 500 },
  );
});
