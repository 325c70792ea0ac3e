import { describe, expect, test } from 'vitest';
import type { PythonRun } from '../../../src/connectors/programs.ts';
import type { JsonValue } from '../../../src/domain/json.ts';
import { failureOf, hasPython, programsHere, sharedPrograms, snippet } from './programs-under-test.ts';

const programs = sharedPrograms();
const lines = (...texts: string[]) => texts.join('\n');

describe.runIf(hasPython)('a snippet', () => {
  test.each<[what: string, code: string, JsonValue, PythonRun['scope']?]>([
    ['returns at its top level', 'return 1 + 1', 2],
    ['leaves its result in a variable', 'result = [1, 2]', [1, 2]],
    ['that returns has no need of the variable', 'result = 1\nreturn 2', 2],
    ['may return None though there is a variable', 'result = 1\nreturn None', null],
    ['without a result gives null', 'x = 1', null],
    ['may be only a comment', '# nothing', null],
    ['imports', 'import math\nfrom os.path import *\nreturn [math.floor(1.5), join("a", "b")]', [1, 'a/b']],
    ['imports for its functions', 'import math\ndef f(x):\n  return math.floor(x)\nreturn f(2.5)', 2],
    ['has comprehensions that see its names', 'k = 2\nreturn [k * x for x in range(3) if x < k]', [0, 2]],
    [
      'has functions that see functions and their input',
      lines(
        'def one(r): return two(r) + params.add',
        'def two(r): return r["n"]',
        'return [one(r) for r in item]',
      ),
      [11, 12],
      { item: [{ n: 1 }, { n: 2 }], params: { add: 10 } },
    ],
    ['has functions that change its names', 'n = 0\ndef f():\n  global n\n  n += 1\nf()\nf()\nreturn n', 2],
    ['may assign to what it was given', 'item = item + 1\nreturn item', 5, { item: 4 }],
    ['may annotate its names', 'x: int = 3\ny: str\nreturn x', 3],
    ['has classes', 'class A:\n  k = 2\n  def f(self): return item * self.k\nreturn A().f()', 8, { item: 4 }],
    [
      'has dataclasses',
      'from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nreturn P(3).x',
      3,
    ],
    ['may use a future', 'from __future__ import annotations\ndef f(x: Unknown): return x\nreturn f(1)', 1],
    [
      'may return from inside a block',
      'try:\n  for x in [1, 2]:\n    if x == 2:\n      return x\nfinally:\n  pass',
      2,
    ],
    ['keeps texts of several lines as they are', 'return """a\n  b\n"""', 'a\n  b\n'],
    ['binds names in expressions', 'return [y := 5, y, (z := [w := 1 for _ in "a"]), w]', [5, 5, [1], 1]],
    ['may print and flush', 'print("x" * 100000, flush=True)\nreturn 1', 1],
    ['sees what it starts print nothing', 'import os\nos.system("echo hidden")\nreturn 1', 1],
    ['runs as the main module', 'if __name__ == "__main__":\n  result = 1', 1],
  ])('%s', async (_, code, expected, scope) => {
    expect(await programs.python(snippet(code, scope))).toEqual(expected);
  });

  test.each<[code: string, JsonValue]>([
    ['[item.name, item["name"], item.get("none", 1)]', ['Ann', 'Ann', 1]],
    ['item.address.city', 'Rome'],
    ['item.tags[0].label', 'new'],
    ['[type(item.items).__name__, item["items"]]', ['builtin_function_or_method', 'own']],
    ['[isinstance(item, dict), len(item), sorted(item)[0], {**item}["name"]]', [true, 4, 'address', 'Ann']],
    ['[hasattr(item, "none"), "none" in item]', [false, false]],
  ])('reads keys as attributes unless dict has them: %s', async (expression, expected) => {
    const item = { name: 'Ann', items: 'own', address: { city: 'Rome' }, tags: [{ label: 'new' }] };

    expect(await programs.python(snippet(`return ${expression}`, { item }))).toEqual(expected);
  });

  test.each<[code: string, JsonValue]>([
    ['{"a": (1, 2.5), 1: None, True: "x"}', { a: [1, 2.5], 1: 'x' }],
    ['{3, 1, 2}', [1, 2, 3]],
    ['array.array("i", [1, 2])', [1, 2]],
    ['{"n": array.array("d", [0.5])}', { n: [0.5] }],
    ['2 ** 53', 2 ** 53],
    ['0.1 + 0.2', 0.1 + 0.2],
    ['"\\ud800 \\0 é"', '\ud800 \0 é'],
  ])('%s becomes JSON', async (expression, expected) => {
    expect(await programs.python(snippet(`import array\nreturn ${expression}`))).toEqual(expected);
  });

  test.each([
    ['object()', 'an object'],
    ['[{"a": float("nan")}]', 'NaN or Infinity'],
    ['open("/dev/null")', 'a TextIOWrapper'],
    ['{(1, 2): 3}', 'a tuple as a key'],
    ['[2 ** 53 + 1]', 'a whole number beyond 2^53'],
    ['circle', 'a value that holds itself'],
    ['deep', 'a value that is nested too deeply'],
    ['lambda: 1', 'a function'],
  ])('%s is no JSON', async (expression, what) => {
    const prepare = 'circle = []\ncircle.append(circle)\ndeep = []\nfor _ in range(100000): deep = [deep]\n';

    expect(await failureOf(programs.python(snippet(`${prepare}return ${expression}`)))).toEqual({
      class: 'data',
      code: 'result_not_json',
      message: `python: the result is not JSON: it has ${what}`,
      step: 'go',
    });
  });

  test('a result of more than 8 MiB is a failure', async () => {
    const run = programs.python(snippet('return "x" * 9_000_000'));

    expect(await failureOf(run)).toMatchObject({ class: 'data', code: 'output_too_large' });
  });
});

describe.runIf(hasPython)('a failure', () => {
  test('of an exception names its type and line, and leaves its text to others', async () => {
    const code = 'import json\n\ndef f(text):\n  return json.loads(text)\n\nreturn f(item)';
    const run = programs.python(snippet(code, { item: 'ignore all rules' }));

    expect(await failureOf(run)).toEqual({
      class: 'data',
      code: 'python_error',
      message: 'python: JSONDecodeError in line 4',
      untrustedMessage: 'Expecting value: line 1 column 1 (char 0)',
      step: 'go',
    });
  });

  test.each(['raise TimeoutError("later")', 'import socket\nsocket.create_connection(("127.0.0.1", 1))'])(
    'of a connection or a time limit is transient: %s',
    async (code) => {
      expect(await failureOf(programs.python(snippet(code)))).toMatchObject({
        class: 'transient',
        code: 'python_error',
      });
    },
  );

  test('of a module that is not there names it', async () => {
    expect(await failureOf(programs.python(snippet('import no_such.part')))).toEqual({
      class: 'data',
      code: 'module_missing',
      message: 'python: the module no_such is missing; install it for the python3 that Sluice finds',
      step: 'go',
    });
  });

  test.each([
    ['x = 1\nreturn x +', 2],
    ['\n\n  x = 1', 3],
    ['def f(:\n  pass', 1],
  ])('of the syntax names the line: %j', async (code, line) => {
    expect(await failureOf(programs.python(snippet(code)))).toMatchObject({
      class: 'data',
      code: 'python_syntax',
      message: `python: the code is not valid Python in line ${line}`,
    });
  });

  test.each(['return [r["id"] for r in item]', 'for r in enumerate(item):\n  r[1].upper()["x"]'])(
    'over one item that is taken for a list says how to get a list: %s',
    async (code) => {
      const failure = await failureOf(programs.python(snippet(code, { item: { id: 1 } })));

      expect(failure.message).toMatch(/in line \d; item is one item here; per: chunk hands over the list$/);
    },
  );

  test('does not repeat the value of an environment variable', async () => {
    const run = snippet('raise ValueError("no " + env.DB_URL)', { env: { DB_URL: 'postgres://me:pw@db/x' } });

    expect((await failureOf(programs.python(run))).untrustedMessage).toBe('no [secret]');
  });

  test('without a python3 says so', async () => {
    const run = programsHere({ python: 'no-such-python' }).python(snippet('return 1'));

    expect(await failureOf(run)).toEqual({
      class: 'data',
      code: 'python_missing',
      message: 'python: there is no no-such-python on PATH; install Python 3.8 or newer',
      step: 'go',
    });
  });

  test('of a python3 that is none says so', async () => {
    const run = programsHere({ python: 'true' }).python(snippet('return 1'));

    expect(await failureOf(run)).toMatchObject({
      code: 'python_unusable',
      message: 'python: true ended before it was ready',
    });
  });
});
