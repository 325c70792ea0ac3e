import { expect, onTestFinished, test } from 'vitest';
import { type Failure, RecordFailure } from '../../../src/domain/failure.ts';
import type { JsonValue } from '../../../src/domain/json.ts';
import type { Attempt, Flow, FlowResult } from '../../../src/flows/flow.ts';
import { transforms } from '../../../src/flows/transforms/catalogue.ts';
import type { Transform } from '../../../src/flows/transforms/transform.ts';
import { cpuMs, limitFor } from '../../support/cpu-time.ts';
import { usedHeap } from '../../support/heap.ts';
import { startTarget } from '../../support/target.ts';
import { canary, hostile, large } from './hostile-values.ts';
import { attemptAt, compiled, endingOf } from './run-flow.ts';

const membersOfObjects = Object.getOwnPropertyNames(Object.prototype).join();

interface Came {
  readonly result?: FlowResult;
  readonly failure?: Failure;
  /** Of the processor, which other programs need as well. */
  readonly ms: number;
}

/** Takes one record through a flow. Anything thrown but a failure of the record is thrown here. */
async function taken(flow: Flow, attempt: Attempt, payload: JsonValue): Promise<Came> {
  const begun = cpuMs();
  const ms = () => cpuMs() - begun;
  try {
    return { result: await flow.run({ ...attempt, payload }), ms: ms() };
  } catch (error) {
    if (error instanceof RecordFailure) return { failure: error.failure, ms: ms() };
    throw error;
  }
}

/** Takes a value through a flow as `record.v`, and checks what has to hold whatever it is. */
async function inert(flow: Flow, attempt: Attempt, value: JsonValue, maxMs: number): Promise<Came> {
  const came = await taken(flow, attempt, { v: value });
  expect(came.ms).toBeLessThan(maxMs);
  expect(() => JSON.stringify(came.result)).not.toThrow();
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(membersOfObjects);
  if (came.failure !== undefined) checkWords(came.failure);
  return came;
}

function checkWords({ message, untrustedMessage = '', class: kind }: Failure): void {
  expect(kind).toBe('data');
  expect(message.length).toBeLessThan(400);
  expect(message).not.toContain(canary);
  expect(untrustedMessage.length).toBeLessThan(501);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  expect(untrustedMessage).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\ud800-\udfff]/);
}

const step = (settings: string) => `steps: [{ name: s, ${settings} }]\n`;
const flows: Readonly<Record<string, string>> = {
  'a place alone': step('type: echo, message: "{{ record.v }}"'),
  'a place in a text': step('type: echo, message: "<{{ record.v }}> {{ record }}"'),
  'places at any depth': step('type: echo, message: { a: ["{{ record.v }}"], b: "{{ item }}" }'),
  'paths into it': step(
    'type: echo, message: ["{{ record.v.a.b.constructor }}", "{{ record.v.__proto__.polluted }}"]',
  ),
  'keys of it': step("type: echo, message: \"{{ record['v']['__proto__']['toString'] | default(1) }}\""),
  transform: step('type: transform, keep: true, mapping: { "a.b.c": record.v, d: [record.v] }'),
  fail: step('type: fail, message: "no {{ record.v }}"'),
  'the error': step(
    'type: fail, message: "{{ record.v }}", on_error: { type: echo, message: "{{ error }} {{ failure }}" }',
  ),
  'switch on': step(
    'type: switch, on: record.v, cases: { a: { type: echo }, constructor: { type: echo } }, default: { type: echo, message: 1 }',
  ),
  'switch when': step('type: switch, cases: [{ when: record.v == "a", step: { type: echo } }]'),
  'when: a comparison': step('type: echo, when: record.v > 5'),
  'when: in': step('type: echo, when: "record.v in record || record.v in [1, 2]"'),
  'when: contains': step('type: echo, when: record.v.contains("xx") || record.v.startsWith("a")'),
  'when: conversions': step('type: echo, when: double(record.v) > 5.0 && int(record.v) > 5'),
  'when: a time': step('type: echo, when: timestamp(record.v) > timestamp("2020-01-01T00:00:00Z")'),
  'when: an index': step('type: echo, when: "record[record.v] == 1"'),
  'when: a macro': step('type: echo, when: "record.v.exists(x, x == \'y\')"'),
  'when: a sum': step('type: echo, when: record.v + record.v == record.v'),
  'when: cutting': step(
    'type: echo, when: "size(record.v.split(\',\')) > 3 && record.v.trim() == record.v.lowerAscii()"',
  ),
  batch: step(
    'type: batch, items: "{{ record.v }}", continue_on_error: true, task: { type: echo, message: "{{ item }}" }',
  ),
  for_each: step(
    'type: echo, for_each: "{{ record.v }}", message: "{{ index }} {{ item }}", on_error: continue',
  ),
  output: `${step('type: echo')}output: { v: "{{ record.v }}", t: "x{{ record.v }}" }\n`,
};

test.each(Object.entries(flows))('%s takes a hostile record as what it is', async (_, text) => {
  const [flow, attempt] = [compiled(text), await attemptAt({}, {})];

  for (const value of Object.values(hostile)) await inert(flow, attempt, value, 200);
  // A long list takes its time; the rest does not.
  for (const value of Object.values(large))
    await inert(flow, attempt, value, typeof value === 'string' ? 200 : 1_000);
});

test.each(transforms)('the transform $name takes a hostile record as what it is', async (transform) => {
  const attempt = await attemptAt({}, {});

  for (const text of pipesOf(transform)) {
    const flow = compiled(step(`type: echo, message: '{{ ${text} }}'`));
    for (const value of Object.values({ ...hostile, ...large })) await inert(flow, attempt, value, 500);
  }
});

/** The record as the value of a transform, and as each of its arguments. */
function pipesOf({ name, args, begins }: Transform): string[] {
  const samples = {
    ...{
      text: '"x"',
      search: '"x"',
      pattern: '"[a-z]+(.)?"',
      count: '3',
      decimals: '2',
      number: '2',
      value: '"d"',
      mark: '"."',
      table: '{a: 1}',
    },
    ...{ read_format: '"dd.MM.yyyy"', written_format: '"yyyy"' },
  };
  const given = args.filter(({ optional }) => optional !== true).map(({ kind }) => samples[kind]);
  const own = args.map(({ kind }) => (kind === 'table' || kind === 'pattern' ? samples[kind] : 'record.v'));
  const head = begins === true && args.length === 0 ? '' : 'record.v | ';
  return [
    `${head}${name}(${given.join(', ')})`,
    ...(own.length === 0 ? [] : [`"abc" | ${name}(${own.join(', ')})`]),
  ];
}

test('names of functions are names like any other', async () => {
  const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', 'length'];
  const attempt = await attemptAt({}, { params: Object.fromEntries(names.map((name) => [name, name])) });
  for (const name of names) {
    const flow = compiled(`
steps:
  - { name: ${name}, type: echo, message: "{{ record.${name} }} {{ params.${name} }}", outputs: ${name} }
  - { name: b, type: echo, when: 'record.${name} == "x" && steps.${name}.status == "done" && params.${name} == "${name}"', message: "{{ ${name} }}|{{ steps.${name}.result }}" }
  - { name: c, type: switch, on: record.${name}, cases: { x: { type: echo, message: "{{ steps.b.result }}" } }, otherwise: fail }
`);

    expect((await taken(flow, attempt, { [name]: 'x', total: 1 })).result).toBe(`x ${name}|x ${name}`);
    expect((await taken(flow, attempt, { total: 1 })).failure?.code).toBe('undefined_name');
  }
});

test('params and finished records are taken as what they are, too', async () => {
  const sums = `
${step('type: echo, message: ["{{ params.v }}", "<{{ params.v }}>"]')}
finally:
  - { type: aggregate, group_by: record, where: 'status == "succeeded"', collect: { all: result, __proto__: result } }
  - { type: echo, message: "{{ params.v }}" }
`;
  for (const [name, value] of Object.entries(hostile)) {
    const attempt = await attemptAt({}, { params: { v: value } });
    const { result } = await inert(compiled(sums), attempt, null, 200);
    const record = {
      index: 0,
      id: name,
      status: 'succeeded' as const,
      payload: value,
      result: value,
      error: null,
    };

    expect((result as JsonValue[])[0]).toEqual(value);
    expect(await endingOf(sums, [record], { params: { v: value } })).toEqual(value);
  }
});

test('nothing of a record gets out of its place in a request', async () => {
  const target = await startTarget();
  onTestFinished(() => target.close());
  const call = (settings: string) => compiled(step(`type: http_request, url: "${target.url}/v/${settings}`));
  const attempt = await attemptAt({}, {});
  const flowsOf = [
    call('{{ record.v }}/end"'),
    call('x?q={{ record.v }}&end=1"'),
    call('x", query: { q: "{{ record.v }}" }'),
    call('x", headers: { X-Value: "{{ record.v }}" }'),
    call('x", body: { v: "{{ record.v }}" }'),
  ];

  for (const flow of flowsOf) {
    for (const value of Object.values(hostile)) await inert(flow, attempt, value, 500);
  }

  const { host } = new URL(target.url);
  expect(target.hits.length).toBeGreaterThan(40);
  for (const { path, headers } of target.hits) {
    expect(path).toMatch(/^\/v\/([^/?#]+\/end|x(\?q=[^&#]*(&end=1)?)?)$/);
    expect(headers).not.toHaveProperty('x-evil');
    expect(headers.host).toBe(host);
  }
});

test('conditions over records that nest in ever new ways take no memory and little time', async () => {
  const flow = compiled(step('type: echo, when: record.v == "x" || size(record.v) == 2'));
  const attempt = await attemptAt({}, {});
  const round = async (count: number) => {
    for (let n = 0; n < count; n++) {
      let v: JsonValue = n;
      for (let depth = 0; depth < 60; depth++) v = Math.random() < 0.5 ? [v] : { a: v };
      await taken(flow, attempt, { v });
    }
    return usedHeap();
  };
  const before = await round(200);
  const begun = cpuMs();

  expect((await round(2_000)) - before).toBeLessThan(10e6);
  const tookMs = cpuMs() - begun;
  expect(tookMs).toBeLessThan(limitFor(tookMs, 2_000));
});

test('a loop lets others have their turn', async () => {
  const stop = new AbortController();
  const attempt = await attemptAt({}, { signal: stop.signal });
  const flow = compiled(step('type: batch, items: "{{ record.v }}", task: { type: echo }'));
  setTimeout(() => stop.abort(new Error('stopped')), 5);

  await expect(taken(flow, attempt, { v: Array.from({ length: 300_000 }, () => 1) })).rejects.toThrow(
    'stopped',
  );
});
