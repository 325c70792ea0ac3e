import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { JsonValue } from '../../../src/domain/json.ts';
import { compiled, problemsIn, resultOf, run } from './run-flow.ts';

/** A flow of one shell step; `settings` are lines of YAML. */
const flow = (...settings: string[]) =>
  ['steps:', '  - name: go', '    type: shell', ...settings.map((line) => `    ${line}`)].join('\n');

const stdoutOf = async (text: string, payload: JsonValue = {}, options = {}) =>
  ((await resultOf(text, payload, options)) as { stdout: JsonValue }).stdout;

test('a command runs for each item, and its place is one argument', async () => {
  const loop = `
steps:
  - name: process_data
    task: batch
    inputs:
      items: ["a", "b c", "d"]
      batch_size: 2
      parallel: true
      max_parallel: 4
      continue_on_error: false
      task:
        type: shell
        command: "echo Processing {{ item }}"
`;
  expect(await resultOf(loop)).toMatchObject({
    results: ['a', 'b c', 'd'].map((item) => ({ exit_code: 0, stdout: `Processing ${item}`, stderr: '' })),
  });
});

test('a script that is on PATH is found, and its failures are dealt with item by item', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bin-'));
  const path = process.env.PATH;
  onTestFinished(async () => {
    process.env.PATH = path;
    await rm(folder, { recursive: true });
  });
  await writeFile(
    join(folder, 'process_item.sh'),
    '#!/bin/sh\n[ "$1" = item2 ] && echo "no $1" >&2 && exit 3\necho ok $1\n',
  );
  await chmod(join(folder, 'process_item.sh'), 0o755);
  process.env.PATH = `${folder}:${path}`;
  const loop = `
steps:
  - name: process_with_errors
    task: batch
    inputs:
      items: ["item1", "item2", "item3"]
      continue_on_error: true
      on_item_error:
        task: echo
        inputs:
          message: "Failed to process {{ item }}: {{ error }}"
      task:
        type: shell
        command: "process_item.sh {{ item }}"
    outputs: results
`;
  expect(await resultOf(loop)).toMatchObject({
    results: [
      { stdout: 'ok item1' },
      'Failed to process item2: process_item.sh ended with exit code 3: no item2',
      { stdout: 'ok item3' },
    ],
    failed: [{ index: 1, item: 'item2' }],
  });
});

test.each([
  '; touch canary',
  '$(touch canary)',
  '`touch canary`',
  '" touch canary "',
  "' && touch canary '",
  'a\nb',
  '-n',
])('the value %j is a plain argument, in a command and in a script', async (value) => {
  const words = `printf -- '%s\\n' "{{ record.value }}" x{{ record.value }}`;
  const inCommand = flow(`command: ${words}`, 'parse: text');
  const inScript = flow(
    'script: printf "%s\\n" "$1" "x$1"; ls',
    'args: ["{{ record.value }}"]',
    'parse: text',
  );

  expect(await stdoutOf(inCommand, { value })).toBe(`${value}\nx${value}`);
  expect(await stdoutOf(inScript, { value })).toBe(`${value}\nx${value}`);
});

test.each<[command: string | readonly string[], payload: JsonValue, stdout: string]>([
  [['printf', '<%s>', '{{ record.a }}', '{{ record.b }}'], { a: [1, { b: 2 }], b: null }, '<[1,{"b":2}]><>'],
  ['printf "<%s>" {{ record.a }} x', { a: 1.5 }, '<1.5><x>'],
  ['printf "<%s>" {{ record.a | omit_if_null }} x', { a: null }, '<x>'],
  ['printf "<%s>" "{{ record.a | omit_if_null }}" x', { a: null }, '<><x>'],
  ['printf "<%s>" --a={{ record.a | uppercase }}', { a: 'b c' }, '<--a=B C>'],
])('%j fills its words', async (command, payload, stdout) => {
  expect(await stdoutOf(flow(`command: ${JSON.stringify(command)}`, 'parse: text'), payload)).toBe(stdout);
});

test('args follow the words of a command', async () => {
  expect(await stdoutOf(flow('command: printf "<%s>" a', 'args: ["{{ record.b }}", 1]'), { b: 'b c' })).toBe(
    '<a><b c><1>',
  );
});

describe('what a command gets', () => {
  const record = { name: 'Ann', n: 1 };

  test('is the record on its standard input, and in variables', async () => {
    const script = 'script: cat; printf "|%s|%s|%s" "$RECORD" "$ITEM" "$RECORD_INDEX"';
    const json = JSON.stringify(record);

    expect(await stdoutOf(flow(script, 'parse: text'), record)).toBe(`${json}|${json}|${json}|7`);
  });

  test('is the item inside a loop', async () => {
    const text = flow('for_each: ["a", [1]]', `script: cat; printf "|%s" "$ITEM"`, 'parse: text');

    expect(await resultOf(text, record)).toMatchObject([{ stdout: '"a"|a' }, { stdout: '[1]|[1]' }]);
  });

  test('is the position of the record also inside a loop, where env hands over that of the item', async () => {
    const script = `script: printf "%s|%s" "$RECORD_INDEX" "$AT"`;
    const text = flow('for_each: [a, b]', script, 'env: { AT: "{{ index }}" }', 'parse: text');

    expect(await resultOf(text, record)).toMatchObject([{ stdout: '7|0' }, { stdout: '7|1' }]);
  });

  test('is no variable of this process, only those of a program that can be relied on', async () => {
    const { stdout } = (await resultOf(flow('command: env', 'parse: lines'), record)) as { stdout: string[] };

    const names = stdout.map((line) => line.split('=', 1)[0]).sort();
    expect(names).toEqual(['HOME', 'ITEM', 'LANG', 'LC_ALL', 'PATH', 'RECORD', 'RECORD_INDEX', 'TMPDIR']);
  });

  test('is all the records of a chunk', async () => {
    const text = `size: 2\n${flow('command: cat')}`;

    expect(await stdoutOf(text, [record, record], { indexes: [0, 1] })).toEqual([record, record]);
  });

  test('is what stdin and env say', async () => {
    const text = flow('script: cat; echo $A', 'stdin: "{{ record.name }}"', 'env: { A: "{{ record.n }}" }');

    expect(await stdoutOf(text, record)).toBe('Ann1');
  });

  test('is no variable for a record that is too long for one', async () => {
    const long = { text: 'x'.repeat(100_001) };
    const text = flow('script: cat | wc -c; echo "$RECORD."', 'parse: lines');

    expect(await stdoutOf(text, long)).toEqual([String(JSON.stringify(long).length), '.']);
  });
});

describe('what a command prints', () => {
  test.each<[script: string, parse: string | undefined, JsonValue]>([
    [`echo '{"a": [1]}'`, undefined, { a: [1] }],
    ['echo "[1"', undefined, '[1'],
    ['echo 12', undefined, '12'],
    ['printf "a\\nb\\n\\n"', undefined, 'a\nb\n'],
    ['echo 12', 'json', 12],
    [`echo '{"a": 1}'`, 'text', '{"a": 1}'],
    ['printf "a\\r\\nb\\n"', 'lines', ['a', 'b']],
    ['true', 'lines', []],
    ['true', undefined, ''],
  ])('%s, as %s, is %j', async (script, parse, expected) => {
    const settings = [
      `script: ${JSON.stringify(script)}`,
      ...(parse === undefined ? [] : [`parse: ${parse}`]),
    ];

    expect(await stdoutOf(flow(...settings))).toEqual(expected);
  });

  test.each(['exit 0', 'echo ignore all rules'])('%s is no JSON when that is wanted', async (script) => {
    const { failure } = await run(flow(`script: ${script}`, 'parse: json'));

    expect(failure).toMatchObject({
      class: 'data',
      code: 'output_not_json',
      message: 'the script printed no JSON',
    });
  });
});

describe('an exit code', () => {
  test('other than 0 fails the record, with what the command complained about', async () => {
    const { failure } = await run(flow('script: echo "no such customer 7" >&2; exit 3'));

    expect(failure).toEqual({
      class: 'data',
      code: 'exit_3',
      message: 'the script ended with exit code 3',
      untrustedMessage: 'no such customer 7',
      step: 'go',
    });
  });

  test('of 75 is transient', async () => {
    expect((await run(flow('script: exit 75'))).failure).toMatchObject({
      class: 'transient',
      code: 'exit_75',
    });
  });

  test('may count as success', async () => {
    expect(await resultOf(flow('script: exit 1', 'success_codes: [0, 1]'))).toMatchObject({ exit_code: 1 });
  });
});

test('the time limit of the step ends the command', async () => {
  const { failure } = await run(flow('command: sleep 60', 'timeout: 200ms', 'retry: none'));

  expect(failure).toMatchObject({
    class: 'transient',
    code: 'step_timeout',
    message: 'sleep did not end within 0.2 s',
    maybeApplied: true,
  });
});

test('an environment variable that a command repeats is masked', async () => {
  const text = flow(
    'script: echo "key $KEY"; echo "key $KEY" >&2; exit $1',
    'env: { KEY: "{{ env.API_KEY }}" }',
    'args: ["{{ record.code }}"]',
  );
  const env = { API_KEY: 's3cr3t-key' };

  expect(await resultOf(text, { code: 0 }, { env })).toMatchObject({
    stdout: 'key [secret]',
    stderr: 'key [secret]',
  });
  expect((await run(text, { code: 1 }, { env })).failure?.untrustedMessage).toBe('key [secret]');
});

test('a flow with a command says that it runs programs', () => {
  const { needs, hasEffects, summary } = compiled(flow('command: /usr/bin/env A'));

  expect(needs).toEqual({
    codeSteps: ['shell'],
    variables: [],
    mayMiss: [],
    approval: ['runs env on this machine'],
  });
  expect(hasEffects).toBe(true);
  expect(summary).toBe('go (shell env)');
});

test.each<[settings: string, problem: string]>([
  ['parse: text', 'command needs either a command or a script'],
  ['command: a\n    script: b', 'script needs either a command or a script'],
  ['command: ""', 'command is empty; name a program'],
  ['command: []', 'command is empty; name a program'],
  [
    'command: "{{ record.x }} a"',
    'does not say which program; write the program out; a record never chooses it',
  ],
  ['command: ["{{ record.x }}"]', 'command.0 does not say which program'],
  [
    'command: ./a.sh',
    'the relative path ./a.sh, and a step runs in an empty folder of its own; write its absolute path',
  ],
  ['command: [bin/a.sh, "*"]', 'the relative path bin/a.sh'],
  [
    'command: cat {{ record.x }} | wc -l',
    `command: no shell reads a command; in quotes | would be a plain character; write script: 'cat "$1" | wc -l' and args: ['{{ record.x }}']`,
  ],
  [
    'command: [sh, -c, "echo {{ record.x }}"]',
    `command.2: a value of a record would be read as code here; write script: 'echo "$1"' and args: ['{{ record.x }}']`,
  ],
  ["command: bash -c 'echo {{ record.x }}'", `write script: 'echo "$1"' and args: ['{{ record.x }}']`],
  ['command: echo {{ recrd.x }}', 'there is no name "recrd" here; did you mean "record"?'],
  [
    'script: |\n      echo a\n      echo {{ record.x }}',
    'script: line 2 has a place, and a script is a fixed text',
  ],
  ['command: a\n    env: { "A-B": x }', 'env.A-B must be the name of a variable'],
  ['command: a\n    succes_codes: [1]', 'unknown key "succes_codes"; did you mean "success_codes"?'],
  ['command: a\n    success_codes: [256]', 'must be exit codes from 0 to 255'],
])('%s is refused', (settings, problem) => {
  expect(problemsIn(flow(settings)).join('\n')).toContain(problem);
});

test('braces that are not ours may stand in a script', async () => {
  const text = flow(`script: "echo '{{.Name}} {{json .Config}} {{- .x}}'"`);

  expect(await stdoutOf(text)).toBe('{{.Name}} {{json .Config}} {{- .x}}');
});
