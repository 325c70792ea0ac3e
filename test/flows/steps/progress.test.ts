import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RecordFailure } from '../../../src/domain/failure.ts';
import type { Progress } from '../../../src/domain/progress.ts';
import { type Hit, type Mode, startTarget, status } from '../../support/target.ts';
import { type Ran, type RunOptions, resultOf, run } from './run-flow.ts';

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

/** A connector that leaves lost answers to a person. */
const careful = (url: string) => ({
  connectors: `crm: { type: http, base_url: "${url}", allow_private: true, retry_lost_answers: false }`,
});
const post = (path: string, more = '') =>
  `{ type: http_request, connector: crm, path: ${path}, method: POST${more} }`;

test.each([
  ['continue', '', ['/one', '/two', '/two', '/two']],
  ['skip', '', ['/one', '/two', '/two', '/two']],
  ['{ type: echo, message: dealt with }', '', ['/one', '/two', '/two', '/two']],
  ['continue', ', for_each: [1, 2]', ['/one', '/one', '/two', '/two', '/two']],
])(
  'a call whose answer was lost is not made again with the record, on_error: %s%s',
  async (onError, more, calls) => {
    const failTwo = failing({ '/two': 2 });
    const { url, hits } = await target((hit) => (hit.path === '/one' ? { kind: 'reset' } : failTwo(hit)));
    const flow = `
on_error: { retry: 3x fixed(1ms) }
steps:
  - ${post('/one', `, on_error: ${onError}${more}`)}
  - ${post('/two')}
`;

    const { failure } = await toTheEnd(flow, careful(url));

    expect(failure).toBeUndefined();
    expect(hits.map(({ path }) => path)).toEqual(calls);
  },
);

test('a lost answer inside of what on_error runs is not asked for again either', async () => {
  const failTwo = failing({ '/two': 2 });
  const { url, hits } = await target(({ path, ...hit }) => {
    if (path === '/one') return status(422);
    return path === '/instead' ? { kind: 'reset' } : failTwo({ path, ...hit });
  });
  const flow = `
on_error: { retry: 3x fixed(1ms) }
steps:
  - ${post('/one', `, name: one, on_error: ${post('/instead', ', on_error: continue')}`)}
  - ${post('/two')}
`;

  const { failure } = await toTheEnd(flow, careful(url));

  expect(failure).toBeUndefined();
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/instead', '/two', '/two', '/two']);
});

test.each([
  'task: CALL, continue_on_error: true',
  'task: CALL, on_item_error: { type: echo, message: dealt with }',
  'task: CALL_AND_GO_ON',
])('a call of a batch whose answer was lost is not made again with the record, %s', async (settings) => {
  const failTwo = failing({ '/two': 2 });
  const { url, hits } = await target((hit) => (hit.path === '/one' ? { kind: 'reset' } : failTwo(hit)));
  const batch = settings
    .replace('CALL_AND_GO_ON', post('/one', ', on_error: continue'))
    .replace('CALL', post('/one'));
  const flow = `
on_error: { retry: 3x fixed(1ms) }
steps:
  - { name: many, type: batch, items: [1, 2], ${batch} }
  - ${post('/two')}
`;

  const { failure } = await toTheEnd(flow, careful(url));

  expect(failure).toBeUndefined();
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/one', '/two', '/two', '/two']);
});

test.each([
  [422, { code: 'http_422', maybeApplied: true }],
  [503, { code: 'http_503', maybeApplied: true }],
])(
  'a lost answer that was dealt with is told of a record that fails with %s later',
  async (code, expected) => {
    const { url } = await target(({ path }) => (path === '/one' ? { kind: 'reset' } : status(code)));
    const flow = `steps:\n  - ${call(url, 'one', ', on_error: continue')}\n  - ${call(url, 'two')}\n`;

    expect((await toTheEnd(flow)).failure).toMatchObject(expected);
  },
);
