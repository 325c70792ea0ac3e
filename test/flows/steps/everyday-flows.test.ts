import { chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { globFiles } from '../../../src/sources/glob-files.ts';
import { startTarget } from '../../support/target.ts';
import { problemsIn, resultOf, run } from './run-flow.ts';

async function folder(): Promise<string> {
  const made = await realpath(await mkdtemp(join(tmpdir(), 'sluice-shapes-')));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

test('a snippet cuts a list of the parameters into parts, and a loop multiplies each', async () => {
  const flow = `
steps:
  cut:
    type: python
    inputs:
      code: |
        values = params['values']
        size = params['size']
        result = [values[at:at + size] for at in range(0, len(values), size)]
  double:
    type: python
    for_each: "{{ steps.cut.result }}"
    inputs:
      operation: multiply
      item: "{{ item }}"
      factor: 2
    retry:
      max_attempts: 3
      delay: 5
`;
  const result = await resultOf(flow, {}, { params: { values: [1, 2, 3, 4, 5], size: 2 } });

  expect(result).toEqual([[2, 4], [6, 8], [10]]);
});

test('a shell command takes an item as one word, whatever is in it', async () => {
  const flow = `
steps:
  - name: say
    task: batch
    inputs:
      items: ["a", "$(touch canary)", "; echo b", "-n"]
      batch_size: 2
      parallel: true
      max_parallel: 4
      continue_on_error: false
      task:
        type: shell
        command: "echo Got {{ item }}"
    outputs: said
`;
  const result = await resultOf(flow);

  expect(result).toMatchObject({
    results: ['Got a', 'Got $(touch canary)', 'Got ; echo b', 'Got -n'].map((stdout) => ({
      stdout,
      exit_code: 0,
    })),
    stats: { processed: 4, failed: 0 },
  });
});

test('files of a pattern go through a snippet that returns a map', async () => {
  const base = await folder();
  await writeFile(join(base, 'a.csv'), 'n\n1\n2\n');
  await writeFile(join(base, 'b.csv'), 'n\n5\n');
  const flow = `
steps:
  - name: sum_up
    task: batch
    inputs:
      items: $(ls *.csv)
      batch_size: 5
      parallel: true
      task:
        type: python
        code: |
          import csv
          from pathlib import Path

          with open(item) as file:
              rows = list(csv.DictReader(file))

          def total(of):
              return sum(int(row['n']) for row in of)

          return {
              'file': Path(item).name,
              'rows': len(rows),
              'total': total(rows),
          }
    outputs: sums
`;
  const roots = { folders: [base], home: base, base };
  const result = await resultOf(flow, {}, { glob: (pattern) => globFiles(pattern, roots) });

  expect(result).toMatchObject({
    results: [
      { file: 'a.csv', rows: 2, total: 3 },
      { file: 'b.csv', rows: 1, total: 5 },
    ],
  });
});

test('calls with a token of the environment and a retry run side by side', async () => {
  const target = await startTarget();
  onTestFinished(() => target.close());
  const flow = `
steps:
  - name: fetch
    task: batch
    inputs:
      items: ["u1", "u2", "u3"]
      batch_size: 2
      parallel: true
      max_parallel: 3
      task:
        type: http_request
        url: "${target.url}/users/{{ item }}"
        method: GET
        headers:
          Authorization: "Bearer {{ env.API_TOKEN }}"
        retry:
          max_attempts: 3
          delay: 1
    outputs: users
`;
  expect(await resultOf(flow, {}, { env: { API_TOKEN: 'token-1' } })).toMatchObject({
    stats: { processed: 3 },
  });
  expect(target.hits.map(({ path }) => path).sort()).toEqual(['/users/u1', '/users/u2', '/users/u3']);
  expect(target.hits.every(({ headers }) => headers.authorization === 'Bearer token-1')).toBe(true);
});

test('a script of the machine that fails is told to the step that deals with it', async () => {
  const bin = await folder();
  await writeFile(
    join(bin, 'handle_item.sh'),
    '#!/bin/sh\n[ "$1" != bad ] || { echo "cannot do $1" >&2; exit 3; }\necho "did $1"\n',
  );
  await chmod(join(bin, 'handle_item.sh'), 0o755);
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const flow = `
steps:
  - name: handle
    task: batch
    inputs:
      items: ["one", "bad", "two"]
      continue_on_error: true
      on_item_error:
        task: echo
        inputs:
          message: "No luck with {{ item }}: {{ error }}"
      task:
        type: shell
        command: "handle_item.sh {{ item }}"
    outputs: results
`;
  expect(await resultOf(flow)).toMatchObject({
    results: [
      { stdout: 'did one' },
      'No luck with bad: handle_item.sh ended with exit code 3: cannot do bad',
      { stdout: 'did two' },
    ],
    stats: { total: 3, processed: 2, failed: 1 },
  });
});

const grading = (more: string) => `
steps:
  - name: grade
    task: batch
    inputs:
      items: {{ input_records }}
      batch_size: 2${more}
      task:
        type: python
        code: |
          def graded(row):
              return {
                  'id': row['id'],
                  'name': row['name'].upper(),
                  'pass': float(row['score']) >= 50
              }

          # A list of records
          return [graded(row) for row in item]
    outputs: grades
`;
const rows = [1, 2, 3].map((id) => ({ id, name: `n${id}`, score: `${id * 20}` }));

test('per: chunk hands a snippet the list it goes over', async () => {
  const result = await resultOf(grading('\n      per: chunk'), { input_records: rows });

  expect(result).toMatchObject({
    results: [[{ id: 1, name: 'N1', pass: false }, { id: 2 }], [{ id: 3, name: 'N3', pass: true }]],
  });
});

test('a snippet that goes over an item which is no list is told of per: chunk', async () => {
  const { failure } = await run(grading(''), { input_records: rows });

  expect(failure).toMatchObject({ class: 'data', code: 'python_error' });
  expect(failure?.message).toContain('per: chunk hands over the list');
});

test('a snippet whose module is not installed says which', async () => {
  const flow = `
steps:
  - type: python
    code: |
      import a_module_nobody_has
      return 1
`;
  expect((await run(flow)).failure).toMatchObject({
    code: 'module_missing',
    message: expect.stringContaining('a_module_nobody_has'),
  });
});

test('shell features around a place are refused when the flow is loaded', () => {
  for (const command of [
    'cat {{ item }} | wc',
    'echo {{ item }} > out',
    'echo $(cat {{ item }})',
    'echo {{ item }}; ls',
    'echo `{{ item }}`',
  ]) {
    expect(problemsIn(`steps:\n  - { type: shell, command: '${command}' }\n`)).toHaveLength(1);
  }
});
