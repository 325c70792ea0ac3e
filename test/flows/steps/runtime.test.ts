import { expect, onTestFinished, test } from 'vitest';
import type { Progress } from '../../../src/domain/progress.ts';
import { usedHeap } from '../../support/heap.ts';
import { type Hit, type Mode, startTarget, status } from '../../support/target.ts';
import { attemptAt, compiled, endingOf, resultOf, run } from './run-flow.ts';

async function target(answer: (hit: Hit) => Mode = () => ({ kind: 'ok' })) {
  const started = await startTarget({ answer });
  onTestFinished(() => started.close());
  return started;
}

test('in a loop an on_error step sees the item and its position', async () => {
  const flow = `
steps:
  - { type: fail, for_each: [a, b], message: no, on_error: { type: echo, message: "{{ item }}{{ index }}: {{ error }}" } }
finally:
  - { type: fail, for_each: [c], message: no, on_error: { type: echo, message: "{{ item }}{{ index }}" } }
`;
  expect(await resultOf(flow)).toEqual(['a0: no', 'b1: no']);
  expect(await endingOf(flow, [])).toEqual(['c0']);
});

test('items of a loop that run at once do not see each other', async () => {
  const { url } = await target(({ path }) => ({ kind: 'ok', body: path, delayMs: path === '/0' ? 40 : 0 }));
  const flow = `
steps:
  - name: loop
    type: batch
    items: [0, 1, 2, 3]
    parallel: true
    task:
      type: switch
      on: '"x"'
      cases:
        x:
          - { name: get, type: http_request, url: "${url}/{{ item }}", outputs: answer }
          - { type: echo, message: "{{ item }} {{ answer.body }} {{ steps.get.result.body }} {{ index }}" }
  - name: each
    type: http_request
    for_each: [0, 1]
    max_parallel: 2
    url: "${url}/{{ item }}"
    response: { item: item, body: response.body }
`;
  const { steps } = await traced(flow);

  expect(steps.at(0)?.output).toMatchObject({
    results: ['0 /0 /0 0', '1 /1 /1 1', '2 /2 /2 2', '3 /3 /3 3'],
  });
  expect(await resultOf(flow)).toEqual([
    { item: 0, body: '/0' },
    { item: 1, body: '/1' },
  ]);
});

test('attempts of one flow at the same time do not see each other', async () => {
  const { url } = await target(({ path }) => ({ kind: 'ok', body: path, delayMs: Math.random() * 20 }));
  const flow = compiled(`
steps:
  - { name: get, type: http_request, url: "${url}/{{ record.n }}", outputs: answer }
  - { name: list, type: batch, items: ["{{ record.n }}", 1], parallel: true, task: { type: echo, message: "{{ item }}/{{ record.n }}" } }
  - { name: choose, type: switch, on: record.n, cases: { 0: { type: fail, message: zero } }, on_error: continue }
output: ["{{ record.n }}", "{{ answer.body }}", "{{ steps.list.result.results }}", "{{ steps.choose.status }}"]
`);
  const attempts = await Promise.all(Array.from({ length: 20 }, (_, n) => attemptAt({ n }, {})));

  const results = await Promise.all(attempts.map((attempt) => flow.run(attempt)));

  expect(results).toEqual(
    attempts.map((_, n) => [n, `/${n}`, [`${n}/${n}`, `1/${n}`], n === 0 ? 'failed' : 'done']),
  );
});

test('a target that asks for more time than a loop waits gets it: the record waits', async () => {
  const { url, hits } = await target(() => status(429, null, { 'retry-after': '120' }));
  const flow = `steps: [{ type: batch, items: [a], task: { type: http_request, url: "${url}/{{ item }}", retry: 3x fixed(1ms) } }]\n`;

  const { failure } = await run(flow);

  expect(failure).toMatchObject({ class: 'transient', retryAfterMs: 120_000 });
  expect(hits).toHaveLength(1);
});

test('a loop waits as long as the most patient of its items was asked to', async () => {
  const { url } = await target(({ path }) =>
    status(429, null, { 'retry-after': path === '/b' ? '90' : '3' }),
  );

  const { failure } = await run(
    `steps: [{ type: batch, items: [a, b, c], task: { type: http_request, url: "${url}/{{ item }}" } }]\n`,
  );

  expect(failure?.retryAfterMs).toBe(90_000);
});

test('what is kept at a checkpoint stays as it was then', async () => {
  const seen: Progress[] = [];
  const flow = compiled(
    'checkpoint: true\nsteps: [{ name: a, type: echo, message: 1 }, { name: b, type: echo, message: 2 }]\n',
  );
  const attempt = await attemptAt({}, {});

  await flow.run({ ...attempt, checkpoint: async (progress) => void seen.push(progress) });

  expect(seen.map(({ results }) => results)).toEqual([{ a: 1 }, { a: 1, b: 2 }]);
});

test('a failure names the step, not the field of its settings', async () => {
  const steps = [
    '{ name: bad, type: echo, message: "{{ record.missing }}" }',
    '{ name: bad, type: transform, mapping: { a: record.missing | required } }',
    '{ name: bad, type: http_request, url: "https://example.com/{{ record.missing }}" }',
    '{ name: bad, type: http_request, url: "https://example.com/{{ record }}" }',
    '{ name: bad, type: batch, items: "{{ record.missing }}", task: { type: echo } }',
  ];

  for (const step of steps) expect((await run(`steps: [${step}]\n`)).failure?.step).toBe('bad');
});

test('a tracer shows the steps that were passed over', async () => {
  const { steps } = await traced(
    'steps: [{ name: a, type: echo, when: "false" }, { name: b, type: fail, on_error: continue }, { name: c, type: echo }]\n',
  );

  expect(steps.map(({ step, status: found }) => [step, found])).toEqual([
    ['a', 'skipped'],
    ['b', 'failed'],
    ['c', 'done'],
  ]);
});

async function traced(flow: string) {
  const trace = await compiled(flow).trace?.(await attemptAt({}, {}), false);
  if (trace === undefined) throw new Error('a flow of steps can be shown');
  return trace;
}

test('memory does not grow with the attempts of a flow', async () => {
  const flow = compiled(`
steps:
  - { name: a, type: echo, message: "{{ record.text }}", timeout: 1s }
  - { name: b, type: batch, items: [1, 2], task: { type: echo, message: "{{ record.text }}" } }
  - { name: c, type: switch, on: 'size(record.list.filter(x, x == record.text))', cases: { 0: { type: echo } } }
  - { name: d, type: fail, message: "{{ record.text }}", on_error: { type: echo, message: "{{ error }}" } }
`);
  const { signal, ...attempt } = await attemptAt({}, {});
  const attempts = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const payload = { text: `${n}`.padEnd(10_000, 'x'), list: ['a', 'b'] };
      await flow.run({ ...attempt, signal, payload });
    }
    return usedHeap();
  };
  const before = await attempts(300);

  expect((await attempts(3000)) - before).toBeLessThan(5e6);
});

test('a transform that keeps the record changes one field of a map by a dotted key, and a whole map by its own', async () => {
  const record = { name: 'Ann', home: { city: 'x', zip: '1', geo: { lat: 1, lon: 2 } }, work: { city: 'y' } };
  const mapping = `{ home.city: record.name, home.geo.lat: record.home.zip, work: { floor: record.home.zip }, name.first: record.name }`;
  const made = await resultOf(
    `
steps:
  - { type: transform, keep: true, mapping: ${mapping} }
`,
    record,
  );

  expect(made).toEqual({
    name: { first: 'Ann' },
    home: { city: 'Ann', zip: '1', geo: { lat: '1', lon: 2 } },
    work: { floor: '1' },
  });
});
