import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RecordFailure } from '../../../src/domain/failure.ts';
import type { Progress } from '../../../src/domain/progress.ts';
import { type Hit, type Mode, startTarget, status } from '../../support/target.ts';
import { attemptAt, compiled, endingOf, type Ran, type RunOptions, resultOf, run } from './run-flow.ts';

const unhandled: unknown[] = [];
const remember = (reason: unknown) => void unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', remember));
afterAll(() => {
  process.off('unhandledRejection', remember);
  expect(unhandled).toEqual([]);
});

async function target(answer: (hit: Hit) => Mode = () => ({ kind: 'ok' })) {
  const started = await startTarget({ answer });
  onTestFinished(() => started.close());
  return started;
}

/** Fails each path the given number of times. */
const failing = (times: Record<string, number>, mode = status(503)) => {
  const failed = new Map<string, number>();
  return ({ path }: Hit): Mode => {
    const count = (failed.get(path) ?? 0) + 1;
    failed.set(path, count);
    return count <= (times[path] ?? 0) ? mode : { kind: 'ok' };
  };
};

/** Attempts at a record as the engine makes them, until nothing is left to try. */
async function toTheEnd(flow: string, options: RunOptions = {}): Promise<Ran & { attempts: number }> {
  let progress: Progress | undefined;
  for (let attempts = 1; ; attempts++) {
    const ran = await run(flow, {}, { ...options, ...(progress === undefined ? {} : { progress }) });
    if (ran.broken?.isOpen !== true || attempts === 20) return { ...ran, attempts };
    // It is kept as JSON in between.
    progress = JSON.parse(JSON.stringify(ran.broken.progress ?? progress ?? { results: {} })) as Progress;
  }
}

const call = (url: string, name: string, more = '') =>
  `{ name: ${name}, type: http_request, url: "${url}/${name}", method: POST${more} }`;

test('a retry of a later step repeats no earlier one, whether that succeeded or its failure was dealt with', async () => {
  const { url, hits } = await target((hit) => (hit.path === '/one' ? status(422) : failTwo(hit)));
  const failTwo = failing({ '/two': 2 });
  const flow = `
steps:
  - ${call(url, 'one', `, on_error: ${call(url, 'instead')}`)}
  - ${call(url, 'skipped', ', when: steps.one.status != "failed"')}
  - ${call(url, 'two', ', retry: 2x fixed(1ms)')}
  - type: echo
    message: "{{ steps.one.status }} {{ steps.one.error }} {{ steps.one.result.status }}"
`;
  const { result } = await toTheEnd(flow);

  expect(hits.map(({ path }) => path)).toEqual(['/one', '/instead', '/two', '/two', '/two']);
  expect(result).toBe(`failed ${new URL(url).host} answered 422 to POST /one 200`);
});

test('the retries of the flow are counted for the record, whichever of its steps fail', async () => {
  const { url, hits } = await target(failing({ '/one': 1, '/two': 9 }));
  const flow = `steps: [${call(url, 'one')}, ${call(url, 'two')}]\nretry: 2x fixed(1ms)\n`;

  const { attempts, failure } = await toTheEnd(flow);

  expect(attempts).toBe(3);
  expect(failure?.code).toBe('http_503');
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/one', '/two', '/one', '/two']);
});

test('a switch with a retry lends it to its steps', async () => {
  const { url, hits } = await target(failing({ '/two': 3 }));
  const flow = `
steps:
  - ${call(url, 'one')}
  - name: choose
    type: switch
    on: '"a"'
    cases: { a: [${call(url, 'first')}, ${call(url, 'two')}] }
    retry: 3x fixed(1ms)
retry: none
`;
  const { attempts, result } = await toTheEnd(flow);

  expect(attempts).toBe(4);
  expect(result).toMatchObject({ status: 200 });
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/first', '/two', '/two', '/two', '/two']);
});

test('inside a switch, too, a step whose own retries are used up has failed', async () => {
  const { url } = await target(failing({ '/two': 9 }));
  const flow = `
steps:
  - { name: choose, type: switch, on: '"a"', cases: { a: ${call(url, 'two', ', retry: 1x fixed(1ms)')} } }
retry: 5x fixed(1ms)
`;
  const { attempts, broken } = await toTheEnd(flow);

  expect(attempts).toBe(2);
  expect(broken?.again).toMatchObject({ policy: { retries: 1 }, tries: 1 });
});

const noFiles = () =>
  Promise.reject(new RecordFailure({ class: 'data', code: 'glob_not_allowed', message: 'not these files' }));

const broken = {
  when: '{ name: last, type: echo, when: record.missing == 1 }',
  for_each: '{ name: last, type: echo, for_each: "{{ record.missing }}" }',
  glob: '{ name: last, type: batch, items: "glob:*", task: { type: echo } }',
};

test.each(Object.entries(broken))(
  'a failure of %s leaves what was kept, and names the step',
  async (_, step) => {
    const { url } = await target();
    const ran = await run(`checkpoint: true\nsteps: [${call(url, 'one')}, ${step}]\n`, {}, { glob: noFiles });

    expect(ran.failure).toMatchObject({ class: 'data', step: 'last' });
    expect(Object.keys(ran.broken?.progress?.results ?? {})).toEqual(['one']);
  },
);

test('a failure of output leaves what was kept', async () => {
  const { url } = await target();

  const ran = await run(`checkpoint: true\nsteps: [${call(url, 'one')}]\noutput: "{{ record.missing }}"\n`);

  expect(ran.failure).toMatchObject({ class: 'data', code: 'undefined_name' });
  expect(Object.keys(ran.broken?.progress?.results ?? {})).toEqual(['one']);
});

test.each(Object.entries(broken))('on_error holds for what goes wrong with %s', async (_, step) => {
  const flow = `steps: [${step.replace(/ }$/, ', on_error: continue }')}, { type: echo, message: "{{ steps.last.status }}" }]\n`;

  expect(await resultOf(flow, {}, { glob: noFiles })).toBe('failed');
});

test('a step that did not fail has the error null', async () => {
  const flow = `
steps:
  - { name: one, type: echo, message: 1, on_error: continue }
  - { name: two, type: echo, when: "false" }
  - { type: echo, message: ["{{ steps.one.error }}", "{{ steps.two.error }}", "{{ steps.one.status }}"] }
`;
  expect(await resultOf(flow)).toEqual([null, null, 'done']);
});

test('a step that deals with an error has a key of its own', async () => {
  const { url, hits } = await target((hit) => (hit.path === '/b' ? status(422) : { kind: 'ok' }));
  const unnamed = (path: string) => `{ type: http_request, url: "${url}/${path}", method: POST }`;
  const flow = `
steps:
  - name: choose
    type: switch
    on: '"x"'
    cases: { x: [${unnamed('a')}, ${unnamed('b')}], y: ${unnamed('c')} }
    on_error: ${unnamed('d')}
`;
  await resultOf(flow);

  const keys = hits.map(({ headers }) => headers['idempotency-key']);
  expect(hits.map(({ path }) => path)).toEqual(['/a', '/b', '/d']);
  expect(new Set(keys).size).toBe(3);
});

test('what one case of a switch has come to is not taken for the result of another', async () => {
  const { url, hits } = await target(failing({ '/last': 1 }));
  const flow = `
steps:
  - { name: which, type: http_request, url: "${url}/which" }
  - name: choose
    type: switch
    on: params.which
    cases:
      a: { name: send, type: http_request, url: "${url}/a", method: POST, checkpoint: true }
      b: { name: send, type: http_request, url: "${url}/b", method: POST, checkpoint: true }
  - ${call(url, 'last')}
`;
  const first = await run(flow, {}, { params: { which: 'a' } });
  await run(flow, {}, { params: { which: 'b' }, progress: first.broken?.progress as Progress });

  expect(hits.map(({ path }) => path)).toEqual(['/which', '/a', '/last', '/which', '/b', '/last']);
});

test('a failing step of on_error is retried by the flow, which does not begin the retries of the step anew', async () => {
  const { url, hits } = await target(failing({ '/one': 99, '/instead': 1 }));
  const flow = `
steps: [${call(url, 'one', `, retry: 1x fixed(1ms), on_error: ${call(url, 'instead')}`)}]
retry: 3x fixed(1ms)
`;
  const { result } = await toTheEnd(flow);

  expect(result).toMatchObject({ status: 200 });
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/one', '/instead', '/one', '/instead']);
});

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

test('the time limit of a loop ends all of it: nothing more is begun, kept or dealt with', async () => {
  const { url, hits } = await target(() => ({ kind: 'ok', delayMs: 100 }));
  const flow = `
steps:
  - name: loop
    type: batch
    items: [1, 2, 3, 4, 5, 6, 7, 8, 9]
    continue_on_error: true
    timeout: 50ms
    task: { type: http_request, url: "${url}/{{ item }}", retry: 5x fixed(1ms), checkpoint: true }
    on_item_error: { type: echo, message: dealt with, checkpoint: true }
`;
  const { failure, kept } = await run(flow);
  const begun = hits.length;
  const keptThen = kept.length;

  expect(failure).toMatchObject({ class: 'transient', code: 'step_timeout', step: 'loop' });
  // Another call in between shows that the target would have seen more.
  await fetch(`${url}/other`);
  expect(hits.length).toBe(begun + 1);
  expect(Object.keys(kept.at(-1)?.results ?? {}).join()).not.toContain('on_item_error');
  expect(kept.length).toBe(keptThen);
});

const stopped = new Error('stopped');
const endless = {
  'a call': (url: string) => `{ type: http_request, url: "${url}/hang" }`,
  'a call whose failure is dealt with': (url: string) =>
    `{ type: http_request, url: "${url}/hang", on_error: { type: http_request, url: "${url}/error" } }`,
  'a call with a time limit': (url: string) =>
    `{ type: http_request, url: "${url}/hang", timeout: 1h, on_error: skip }`,
  'a loop': (url: string) =>
    `{ type: batch, items: [1, 2, 3], parallel: true, continue_on_error: true, task: { type: http_request, url: "${url}/hang" }, on_item_error: { type: http_request, url: "${url}/error" } }`,
  'a loop in a loop': (url: string) =>
    `{ type: batch, items: [1, 2], timeout: 1h, task: { type: http_request, for_each: [3, 4], url: "${url}/hang", on_error: continue, retry: 3x fixed(1s) } }`,
  'a switch': (url: string) =>
    `{ type: switch, on: '"a"', cases: { a: { type: http_request, url: "${url}/hang" } }, on_error: continue, retry: 2x fixed(1s) }`,
  'a wait for files': () => '{ type: batch, items: "glob:*", task: { type: echo } }',
};

test.each(Object.entries(endless))('an abort ends %s at once, with its reason', async (_, step) => {
  const { url, hits, reached } = await target(() => ({ kind: 'hang' }));
  const stop = new AbortController();
  const glob = () => new Promise<never>(() => {});
  const ran = run(`steps: [${step(url)}, ${call(url, 'after')}]\n`, {}, { signal: stop.signal, glob });
  if (step(url).includes('hang')) await Promise.race([reached(1), ran]);
  else await new Promise(setImmediate);

  const begun = performance.now();
  stop.abort(stopped);

  await expect(ran).rejects.toBe(stopped);
  expect(performance.now() - begun).toBeLessThan(100);
  expect(hits.filter(({ path }) => path !== '/hang')).toEqual([]);
});

test('nothing runs under a signal that was aborted before', async () => {
  const { url, hits } = await target();
  const steps = [
    call(url, 'a', ', timeout: 1s'),
    '{ type: echo }',
    '{ type: batch, items: [1], task: { type: echo } }',
    `{ type: fail, on_error: continue }`,
  ];

  for (const step of steps) {
    const signal = AbortSignal.abort(stopped);
    await expect(run(`steps: [${step}]\n`, {}, { signal })).rejects.toBe(stopped);
    await expect(endingOf(`steps: [{ type: echo }]\nfinally: [${step}]\n`, [], { signal })).rejects.toBe(
      stopped,
    );
  }
  expect(hits).toEqual([]);
});

test('a sum over many records heeds an abort', async () => {
  const stop = new AbortController();
  const records = function* () {
    for (let index = 0; index < 1_000_000; index++) {
      if (index === 1000) stop.abort(stopped);
      yield { index, id: null, status: 'succeeded', payload: {}, result: index, error: null };
    }
  };
  const flow = 'steps: [{ type: echo }]\nfinally: [{ type: aggregate, sum: { all: result } }]\n';
  const ended = endingOf(flow, Object.assign([], { [Symbol.iterator]: records }), { signal: stop.signal });

  await expect(ended).rejects.toBe(stopped);
});

test('a wait inside a loop that an abort cuts short leaves no timer behind', async () => {
  const { url } = await target(failing({ '/a': 9 }));
  const before = timers();
  const stop = new AbortController();
  const flow = `steps: [{ type: batch, items: [a], timeout: 1h, task: { type: http_request, url: "${url}/{{ item }}", retry: 3x fixed(1h) } }]\n`;
  const ran = run(flow, {}, { signal: stop.signal });
  await expect.poll(() => timers()).toBeGreaterThan(before + 1);

  stop.abort(stopped);

  await expect(ran).rejects.toBe(stopped);
  await expect.poll(() => timers()).toBeLessThanOrEqual(before);
});

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

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

test('a sum leaves out blank texts and says when it becomes too large', async () => {
  const flow = (column: string) =>
    `steps: [{ type: echo }]\nfinally: [{ name: sums, type: aggregate, ${column}: { all: result } }]\n`;
  const records = ['', ' ', '2', 3, null].map((result, index) => ({
    ...{ index, id: null, status: 'succeeded', payload: {}, error: null },
    result,
  }));

  expect(await endingOf(flow('average'), records)).toMatchObject({ average: { all: 2.5 } });
  const huge = [1e308, 1e308].map((result, index) => ({ ...records[0]!, index, result }));
  await expect(endingOf(flow('sum'), huge)).rejects.toMatchObject({
    failure: { class: 'data', code: 'number_too_large', step: 'sums' },
  });
});

test('values of expressions are JSON', async () => {
  const flow = `
steps: [{ type: echo }]
finally:
  - type: aggregate
    collect:
      time: timestamp("2026-01-31T00:00:00Z")
      map: '{"a": 1, "b": [2u, duration("90s")]}'
      none: record.?missing
      some: record.?a
`;
  const record = { index: 0, id: null, status: 'succeeded', payload: { a: [1] }, result: 1, error: null };

  expect(JSON.parse(JSON.stringify(await endingOf(flow, [record])))).toMatchObject({
    collect: {
      time: ['2026-01-31T00:00:00.000Z'],
      map: [{ a: 1, b: [2, 90_000] }],
      none: [null],
      some: [[1]],
    },
  });
});

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
    global.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = await attempts(300);

  expect((await attempts(3000)) - before).toBeLessThan(12e6);
});
