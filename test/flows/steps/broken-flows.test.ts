import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileFlow } from '../../../src/flows/compile-flow.ts';
import { cpuMs, limitFor } from '../../support/cpu-time.ts';
import { problemsIn } from './run-flow.ts';

/** Files as people break them, each with what has to be said about it: `=== title`, the file, `=>`, the problems. */
const folder = new URL('./broken-flows/', import.meta.url);
const cases = readdirSync(folder).flatMap((name) =>
  readFileSync(new URL(name, folder), 'utf8')
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const [written = '', said = ''] = part.split(/^=>\n/m);
      const [title = '', ...lines] = written.split('\n');
      return {
        title: `${basename(name, '.txt')}: ${title}`,
        file: lines.join('\n'),
        said: said.trim().split('\n'),
      };
    }),
);

/** Milliseconds of a run, of another one when it was slow: other programs need the processor, too. */
function quickest(run: () => unknown): number {
  let least = Infinity;
  for (let tries = 0; tries < 8 && least > 200; tries++) {
    const begun = cpuMs();
    run();
    least = Math.min(least, cpuMs() - begun);
  }
  return least;
}

test.each(cases)('$title', ({ file, said }) => {
  expect(problemsIn(file)).toEqual(said);
  const tookMs = quickest(() => problemsIn(file));
  expect(tookMs).toBeLessThan(limitFor(tookMs, 250));
});

test('there is a case for most of what can go wrong', () => {
  expect(cases.length).toBeGreaterThan(80);
});

const size = 990_000;
const huge = (head: string, unit: string, tail = '') =>
  head + unit.repeat((size - head.length - tail.length) / unit.length) + tail;
const echo = 'steps:\n  - type: echo\n';
const keys = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n)).join('');

test.each<[string, string, string]>([
  ['70,000 steps', huge('steps:\n', '  - type: echo\n'), 'more keys and values'],
  ['1,001 steps', `steps:\n${'  - type: echo\n'.repeat(1001)}`, 'more than 1000 steps'],
  ['300,000 items', huge('steps: [{ type: echo, for_each: [', 'x, ', 'x] }]\n'), 'more keys and values'],
  ['70,000 places', huge(`${echo}    message: "`, '{{ recrod.a }}', '"\n'), 'more than 1000 places'],
  ['open braces', huge(`${echo}    message: "`, '{{ ', '"\n'), 'the braces are not closed'],
  ['open tags', huge(`${echo}    message: "`, '{% ', '"\n'), 'the braces are not closed'],
  ['a long condition', huge(`${echo}    when: "`, '(', '"\n'), 'more than 10000 characters'],
  ['a long chain', `${echo}    when: "true${' && true'.repeat(1_000)}"\n`, 'nested too deeply'],
  ['a deep condition', `${echo}    when: "${'!'.repeat(9_000)}true"\n`, 'nested too deeply'],
  ['spaces in a pattern', huge(`${echo}    for_each: "$(ls a`, ' ', 'b"\n'), 'runs no command'],
  ['spaces in a retry', huge(`${echo}    retry: "3x`, ' ', 'x"\n'), 'is not understood'],
  ['digits in a duration', huge(`${echo}    timeout: "`, '1', 'x"\n'), 'must be a duration'],
  [
    'a long url',
    huge('steps:\n  - type: http_request\n    url: "https://', 'a', ' "\n'),
    'may hold no spaces',
  ],
  ['a long name', huge('steps:\n  - type: echo\n    name: "', 'a', '"\n'), 'the name of a step'],
  ['a long kind', huge('steps:\n  - type: "', 'a', '"\n'), 'there is no kind of step'],
  ['5,000 strange keys', `${echo}${keys(5_000, (n) => `    mesage${n}: 1\n`)}`, 'unknown key "mesage0"'],
  [
    '5,000 wrong fields',
    `${echo}    message:\n${keys(5_000, (n) => `      k${n}: "{{ x }}"\n`)}`,
    'no name "x"',
  ],
  ['brackets', '['.repeat(size), 'nested too deeply'],
  ['nested steps', keys(40, (n) => `${'  '.repeat(2 * n)}steps:\n${'  '.repeat(2 * n + 1)}- `), ''],
])('%s are refused at once', (_, file, said) => {
  const [first = '', ...others] = problemsIn(file);

  expect(first).toContain(said);
  expect([first, ...others].every((problem) => problem.length < 1_500)).toBe(true);
  expect(others.length).toBeLessThan(101);
  const tookMs = quickest(() => problemsIn(file));
  expect(tookMs).toBeLessThan(limitFor(tookMs, 250));
});

test('what a file is called does not get out of its line', () => {
  const [problem = ''] = problemsIn('steps:\n  - type: "\\e[31m\\n\\u202eecho"\n');

  expect(problem).toMatch(/^2:11 there is no kind of step " echo"/);
});

const words = [
  ...Object.getOwnPropertyNames(Object.prototype),
  ...[
    'prototype',
    'true',
    'null',
    'in',
    'as',
    'for',
    'if',
    'return',
    'type',
    'list',
    'map',
    'int',
    'string',
    'cel',
  ],
  ...['size', 'has', 'all', 'dyn', 'default', 'trim', 'now', 'record', 'steps', 'item', 'error', 'loop'],
];

test.each(words)('the word %s breaks nothing, wherever it stands', (word) => {
  const text = `
steps:
  - { name: a, type: echo, outputs: ${word}, ${word}: 1 }
  - { name: ${word}, type: ${word} }
  - { type: echo, when: '${word} == 1 && steps.${word}.result == 1', message: "{{ ${word} }} {{ record | ${word} }}" }
  - { type: switch, on: record.${word}, cases: { ${word}: { type: echo } } }
  - { type: transform, mapping: { a: record.${word} | ${word}, b: ${word} } }
params: { ${word}: 1 }
${word}: 1
`;
  const problems = problemsIn(text);

  expect(problems.length).toBeGreaterThan(0);
  for (const problem of problems) expect(problem).not.toMatch(/\[native code|\[object|undefined/);
});

const whole = `flow: a
params: { limit: 3 }
steps:
  - name: find
    type: http_request
    url: https://example.com/{{ record.id }}
    retry: { max_attempts: 3, delay: 5s }
    when: record.total > 10
    on_error: { type: echo, message: "{{ error }}" }
  - name: loop
    type: batch
    inputs:
      items: "{{ record.lines }}"
      task:
        type: switch
        on: item.kind
        cases:
          a: { type: transform, mapping: { x: item.x | trim } }
        default: [{ type: fail, message: "no {{ item }}" }]
      continue_on_error: true
output: { all: "{{ steps.loop.result }}" }
finally: [{ type: aggregate, sum: { a: double(result.a) } }]
`;

test('no text makes compiling throw or take long', () => {
  expect(problemsIn(whole)).toEqual([]);
  const lines = whole.split('\n');
  const other = fc.constantFrom(
    ...lines,
    ...[
      '',
      '  ',
      '\t',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '{{',
      '}}',
      '{%',
      '|',
      '&a',
      '*a',
      '!!x',
      '? ',
      ': ',
    ],
    ...[
      '__proto__: 1',
      'constructor: { type: echo }',
      'steps:',
      'type: echo',
      '<<: *a',
      '...',
      '---',
      '%YAML',
    ],
  );
  const edits = fc.array(fc.tuple(fc.nat(lines.length), fc.nat(3), other), { minLength: 1, maxLength: 4 });

  fc.assert(
    fc.property(edits, (made) => {
      const changed = [...lines];
      for (const [at, removed, text] of made) changed.splice(at, removed, text);
      const begun = cpuMs();
      const compiled = compileFlow(changed.join('\n'), 'a.yaml');

      if ('problems' in compiled) {
        expect(compiled.problems.length).toBeGreaterThan(0);
        for (const { line, column } of compiled.problems) expect(Math.min(line, column)).toBeGreaterThan(0);
      }
      expect(cpuMs() - begun).toBeLessThan(1_000);
    }),
    { numRuns: 150 },
  );
});
