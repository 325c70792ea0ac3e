import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Secret } from '../../../src/connectors/secret.ts';
import { type Failure, RecordFailure } from '../../../src/domain/failure.ts';
import { SluiceError } from '../../../src/domain/sluice-error.ts';
import { defineFlow, PermanentError, TransientError } from '../../../src/index.ts';
import { noConnectors } from '../../support/connectors.ts';
import { failureOf, flowOf, gate, resultOf, run, stateIn } from './run-code.ts';

/** Resolves when the signal is aborted. */
const untilEnd = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });

const flow = (settings = {}) => defineFlow({ id: 'a', ...settings });

test('a step sees the payload, the outputs before it and the last of them', async () => {
  const builder = flow()
    .step('double', (ctx) => ctx.payload.n * 2)
    .step('text', async (ctx) => `${ctx.last}`)
    .step('all', (ctx) => [ctx.payload.n, ctx.steps.double.output, ctx.steps.text.output, ctx.last]);

  expect(await resultOf(builder, { n: 21 })).toEqual([21, 42, '42', '42']);
});

test('an action leaves last as it is', async () => {
  const builder = flow()
    .step('one', () => 1)
    .action('tell', () => 'ignored')
    .step('two', (ctx) => ctx.last + 1);

  expect(await resultOf(builder)).toBe(2);
});

test('undefined becomes null, and is left out of objects', async () => {
  const builder = flow()
    .step('nothing', () => {})
    .step('some', (ctx) => ({ last: ctx.last, gone: undefined, list: [undefined, 1] }));

  expect(await resultOf(builder)).toEqual({ last: null, list: [null, 1] });
});

const loop: unknown[] = [];
loop.push({ again: loop });
test.each([
  ['a Date', { list: [{ at: new Date() }] }, 'at list[0].at'],
  ['a function', () => {}, undefined],
  ['NaN', { n: Number.NaN }, 'at n'],
  ['a bigint', 1n, undefined],
  ['a Map', new Map(), undefined],
  ['binary data', { b: Buffer.from('x') }, 'at b'],
  ['an instance of a class', { x: new (class Money {})() }, 'at x'],
  ['a reference to itself', loop, 'at [0].again'],
])('a result that holds %s is a clear failure', async (what, value, place) => {
  expect(await failureOf(flow().step('x', () => value))).toEqual({
    class: 'data',
    code: 'result_not_json',
    message: `the result of the step x holds ${what}, which is no JSON: texts, finite numbers, true, false, null, lists and plain objects are`,
    ...(place === undefined ? {} : { untrustedMessage: place }),
  });
});

test('a result is a copy: what a step changes later does not change it', async () => {
  const shared = { n: 1 };
  const builder = flow()
    .step('one', () => shared)
    .action('change', () => {
      shared.n = 2;
    })
    .step('two', (ctx) => ctx.steps.one.output);

  expect(await resultOf(builder)).toEqual({ n: 1 });
});

const choice = () =>
  flow()
    .step('kind', (ctx) => ctx.payload.kind)
    .if('is-a', (ctx) => ctx.last === 'a')
    .step('a', () => 'took a')
    .elseIf('is-b', async (ctx) => ctx.last === 'b')
    .step('b', () => 'took b')
    .if('is-deep', (ctx) => ctx.payload.deep)
    .step('deep', () => 'took deep')
    .endIf()
    .else()
    .step('c', () => 'took c')
    .endIf();

test.each([
  [{ kind: 'a' }, 'took a'],
  [{ kind: 'b' }, 'took b'],
  [{ kind: 'b', deep: true }, 'took deep'],
  [{ kind: 'z' }, 'took c'],
])('%j takes one branch', async (payload, result) => {
  expect(await resultOf(choice(), payload)).toBe(result);
});

test('a step that was passed over has no output, and asking for it says so', async () => {
  const builder = choice().step('look', (ctx) => ctx.steps.c.output);

  expect(await failureOf(builder, { kind: 'a' })).toMatchObject({
    class: 'data',
    code: 'step_has_no_output',
    message: 'the step c has not run here, so it has no output',
  });
});

test('whether a step has run can be asked', async () => {
  const builder = choice().step('look', (ctx) => [
    'c' in ctx.steps,
    'a' in ctx.steps,
    Object.keys(ctx.steps),
  ]);

  expect(await resultOf(builder, { kind: 'a' })).toEqual([false, true, ['kind', 'a']]);
});

test('a slip in the name of a step says which one was meant', async () => {
  const builder = flow()
    .step('fetch-users', () => 1)
    // @ts-expect-error the types know it too
    .step('look', (ctx) => ctx.steps['fetch-user'].output);

  expect((await failureOf(builder)).message).toContain('did you mean "fetch-users"?');
});

test('parallel functions are under way at once; the outputs come as they were given', async () => {
  const both = gate();
  let begun = 0;
  const meet = async () => {
    begun += 1;
    if (begun === 4) both.open();
    await both.opened;
  };
  const part = (result: string) => async () => {
    await meet();
    return result;
  };
  const builder = flow()
    .parallel('list', [part('a'), part('b'), part('c'), part('d')])
    .parallel('map', { x: () => 1, y: (ctx) => ctx.last[0] });

  expect(await resultOf(builder)).toEqual({ x: 1, y: 'a' });
});

test('when a parallel function fails the others end first', async () => {
  const order: string[] = [];
  const late = gate();
  const builder = flow().parallel('both', [
    () => {
      throw new TransientError('first');
    },
    async () => {
      setImmediate(late.open);
      await late.opened;
      order.push('second ended');
    },
  ]);

  const failure = await failureOf(builder);

  expect(order).toEqual(['second ended']);
  expect(failure).toMatchObject({
    class: 'transient',
    message: 'step both failed',
    step: 'both',
    untrustedMessage: 'first',
  });
});

test.each([
  [new Error('no'), { class: 'data', untrustedMessage: 'no' }],
  [
    new TypeError('x is not a function'),
    { class: 'data', untrustedMessage: 'TypeError: x is not a function' },
  ],
  [
    new TransientError('busy', { retryAfter: '3s' }),
    { class: 'transient', untrustedMessage: 'busy', retryAfterMs: 3000 },
  ],
  [new PermanentError('never'), { class: 'data', untrustedMessage: 'never' }],
  [Object.assign(new Error('later'), { retryable: true }), { class: 'transient', untrustedMessage: 'later' }],
  ['a text', { class: 'data', untrustedMessage: 'a text' }],
  [undefined, { class: 'data', untrustedMessage: 'threw a value of type undefined' }],
])('%o becomes a failure with the text of the error kept apart', async (thrown, failure) => {
  const builder = flow().step('x', () => {
    throw thrown;
  });

  expect(await failureOf(builder)).toEqual({
    code: 'step_failed',
    message: 'step x failed',
    step: 'x',
    ...failure,
  });
});

test('a failure that a connector has thrown passes as it is', async () => {
  const failure = { class: 'transient', code: 'http_503', message: 'crm answered 503', step: 'x' } as const;
  const builder = flow().step('x', () => {
    throw new RecordFailure(failure);
  });

  expect(await failureOf(builder)).toEqual(failure);
});

test.each([
  ['transient', 'data', 'data'],
  ['data', 'transient', 'data'],
  ['transient', 'transient', 'transient'],
] as const)(
  'of parallel failures that are %s, which may have been applied, and %s, one stands for both',
  async (first, second, whole) => {
    const failing = (failure: Pick<Failure, 'class' | 'maybeApplied' | 'retryAfterMs'>) => () => {
      throw new RecordFailure({ ...failure, code: 'answer', message: 'crm said so', step: 'both' });
    };
    const builder = flow().parallel('both', [
      failing({ class: first, maybeApplied: true }),
      failing({ class: second, retryAfterMs: 900 }),
    ]);

    const failure = await failureOf(builder);

    expect(failure).toMatchObject({ class: whole, maybeApplied: true });
    if (whole === 'transient') expect(failure).toMatchObject({ retryAfterMs: 900 });
  },
);

test('a loop of which one round may have been applied says so, and waits as long as any was asked to', async () => {
  const failures = [
    { class: 'transient', code: 'http_429', message: 'crm said so', retryAfterMs: 900 },
    { class: 'transient', code: 'timeout', message: 'crm said so', maybeApplied: true },
  ] as const;
  const builder = flow().forEach(
    'each',
    () => [0, 1],
    (n: number, round) =>
      round.step('call', () => {
        throw new RecordFailure(failures[n] as Failure);
      }),
  );

  expect(await failureOf(builder)).toMatchObject({ retryAfterMs: 900, maybeApplied: true });
});

test('onError answers for what stands before it, and the rest is passed over', async () => {
  const ran: string[] = [];
  const builder = flow()
    .step('one', () => 1)
    .step('two', (ctx) => {
      if (ctx.payload.fails) throw new Error('broken');
      return 2;
    })
    .onError(async (ctx) => ({ saved: ctx.error.message, after: ctx.steps.one.output }))
    .step('three', () => ran.push('three'));

  expect(await resultOf(builder, { fails: true })).toEqual({ saved: 'broken', after: 1 });
  expect(ran).toEqual([]);
  expect(await resultOf(builder, {})).toBe(1);
});

test('onError does not answer for what stands behind it', async () => {
  const builder = flow()
    .step('one', () => 1)
    .onError(() => 'saved')
    .step('two', () => {
      throw new Error('broken');
    });

  expect((await failureOf(builder)).message).toBe('step two failed');
});

test('onError that throws fails the run', async () => {
  const builder = flow()
    .step('one', () => {
      throw new Error('first');
    })
    .onError(() => {
      throw new TransientError('second');
    });

  expect(await failureOf(builder)).toMatchObject({
    class: 'transient',
    message: 'onError failed',
    untrustedMessage: 'second',
  });
});

test('onError of the flow answers for a loop that failed', async () => {
  const builder = flow()
    .forEach(
      'each',
      () => [1],
      (_, inner) => inner.step('x', () => Promise.reject(new Error('deep'))),
    )
    .onError((ctx) => ctx.error.message);

  expect(await resultOf(builder)).toBe('deep');
});

test('onError sees the very error that a parallel function has thrown, whichever stands for all', async () => {
  const thrown = Object.assign(new Error('no such customer'), { customer: 7 });
  const parts = [() => Promise.reject(new TransientError('busy')), () => Promise.reject(thrown)];
  const builder = flow()
    .parallel('both', parts)
    .onError(({ error }) => ({ same: error === thrown }));

  expect(await resultOf(builder)).toEqual({ same: true });
});

test('a step that takes too long has failed and may be tried again', async () => {
  let aborted = false;
  const builder = flow().step(
    'slow',
    (ctx) =>
      new Promise(() => {
        ctx.signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
    { timeout: '20ms' },
  );

  expect(await failureOf(builder)).toMatchObject({
    class: 'transient',
    code: 'step_timeout',
    step: 'slow',
    maybeApplied: true,
  });
  expect(aborted).toBe(true);
});

test('an abort ends the run even if the step does not heed it, and counts as no failure', async () => {
  const abort = new AbortController();
  const begun = gate();
  const ran: string[] = [];
  const builder = flow()
    .step('deaf', () => {
      begun.open();
      return new Promise(() => {});
    })
    .onError(() => ran.push('handler'));

  const running = run(builder, {}, { signal: abort.signal });
  await begun.opened;
  const reason = new Error('stopping');
  abort.abort(reason);

  await expect(running).rejects.toBe(reason);
  expect(ran).toEqual([]);
});

test('an error that the abort has caused counts as no failure', async () => {
  const abort = new AbortController();
  const builder = flow().step('heeds', (ctx) => {
    abort.abort(new Error('stopping'));
    ctx.signal.throwIfAborted();
  });

  await expect(run(builder, {}, { signal: abort.signal })).rejects.toThrow('stopping');
});

test.each([
  ['throws an error of its own', (signal: AbortSignal) => sleep(60_000, null, { signal })],
  ['returns what it has', (signal: AbortSignal) => untilEnd(signal).then(() => ['a part'])],
])('a step that %s when its time is over has taken too long', async (_, heeding) => {
  const builder = flow().step('slow', (ctx) => heeding(ctx.signal), { timeout: '20ms' });

  expect(await failureOf(builder)).toMatchObject({ class: 'transient', code: 'step_timeout' });
});

test.each([
  ['without a time limit', {}],
  ['with a time limit', { timeout: '1h' }],
])('what a step %s returns because of an abort is no result', async (_, options) => {
  const abort = new AbortController();
  const begun = gate();
  const heeds = (signal: AbortSignal) => {
    begun.open();
    return untilEnd(signal).then(() => ['a part']);
  };

  const running = run(
    flow().step('heeds', (ctx) => heeds(ctx.signal), options),
    {},
    { signal: abort.signal },
  );
  await begun.opened;
  abort.abort(new Error('stopping'));

  await expect(running).rejects.toThrow('stopping');
});

test('with checkpoint the steps that succeeded are not repeated', async () => {
  const ran: string[] = [];
  let fails = true;
  const builder = flow({ checkpoint: true })
    .step('one', () => ran.push('one'))
    .action('tell', () => ran.push('tell'))
    .if('yes', () => ran.push('yes') > 0)
    .step('two', () => ran.push('two'))
    .endIf()
    .step('three', () => {
      if (fails) throw new TransientError();
      return 'done';
    });

  const after = await run(builder);
  fails = false;
  const again = await run(builder, {}, { after });

  expect(ran).toEqual(['one', 'tell', 'yes', 'two']);
  expect(after.kept).toHaveLength(4);
  expect(again.result).toBe('done');
});

test('a process that dies loses nothing that was checkpointed', async () => {
  const ran: string[] = [];
  const builder = flow()
    .step('one', () => ran.push('one'), { checkpoint: true })
    .step('two', () => ran.push('two'));
  const died = await run(builder);

  await run(builder, {}, { after: died });

  expect(died.kept).toHaveLength(1);
  expect(ran).toEqual(['one', 'two', 'two']);
});

test('without checkpoint an attempt begins anew', async () => {
  const ran: string[] = [];
  const builder = flow()
    .step('one', () => ran.push('one'))
    .step('two', () => Promise.reject(new TransientError()));

  const after = await run(builder);
  await run(builder, {}, { after });

  expect(after.progress).toBeUndefined();
  expect(ran).toEqual(['one', 'one']);
});

test('what was kept of another payload is worth nothing', async () => {
  const ran: string[] = [];
  const builder = flow({ checkpoint: true })
    .step('one', () => ran.push('one'))
    .step('two', () => Promise.reject(new TransientError()));

  const after = await run(builder);
  await run(builder, {}, { after, revision: 1 });

  expect(ran).toEqual(['one', 'one']);
});

test('what was kept of a chunk is worth nothing when any of its records was patched', async () => {
  const ran: string[] = [];
  const builder = flow({ checkpoint: true, size: 2 })
    .step('one', () => ran.push('one'))
    .step('two', () => Promise.reject(new TransientError()));
  const indexes = [0, 1];

  const after = await run(builder, [{}, {}], { indexes, members: ['0', '1'] });
  const again = await run(builder, [{}, {}], { indexes, members: ['0', '1'], after });
  await run(builder, [{}, {}], { indexes, members: ['0', '1r1'], after: again });

  expect(ran).toEqual(['one', 'one']);
});

test('state is that of the record; batch.state is that of the job', async () => {
  const builder = flow().step('x', async ({ state, batch }) => {
    await state.set('a', { deep: [1] });
    await batch.state.incr('n', 2);
    return [
      await state.get('a'),
      await state.get('b', 'none'),
      await batch.state.incr('n'),
      await state.get('n'),
    ];
  });

  const { result, memory } = await run(builder);

  expect(result).toEqual([{ deep: [1] }, 'none', 3, null]);
  expect([...memory.keys()]).toEqual(['7:a', 'job:n']);
});

test('a database that cannot be reached from a step is no fault of the record', async () => {
  const builder = flow().step('x', () => {
    throw new SluiceError('database_unavailable', 'The database cannot be reached.');
  });

  expect(await failureOf(builder)).toMatchObject({ class: 'transient', code: 'database_unavailable' });
});

test('a state takes only JSON', async () => {
  const builder = flow().step('x', ({ state }) => state.set('at', new Date()));

  expect(await failureOf(builder)).toMatchObject({
    code: 'result_not_json',
    message: expect.stringContaining('the value of the state at holds a Date'),
  });
});

test('what a run sees besides the record', async () => {
  const builder = flow({ env: ['REGION'] }).step(
    'x',
    ({ params, index, id, items, indexes, batch, env }) => ({
      params,
      place: [index, id, items, indexes],
      batch: [batch.id, batch.index, batch.total],
      region: env('REGION').length,
    }),
  );
  const connectors = noConnectors({ variable: () => new Secret('north-1') });

  expect(await resultOf(builder, { n: 1 }, { params: { a: 1 }, connectors })).toEqual({
    params: { a: 1 },
    place: [7, null, [{ n: 1 }], [7]],
    batch: ['job-1', 7, 10],
    region: 7,
  });
});

test('the value of a variable is masked in results, errors and the log', async () => {
  const connectors = noConnectors({ variable: () => new Secret('s3cr3t-key') });
  const builder = flow({ env: ['KEY'] })
    .action('log', ({ log, env }) => log(`the key is ${env('KEY')}`))
    .step('x', ({ env, payload }) => {
      if (payload.fails) throw new Error(`refused ${env('KEY')}`);
      return { used: env('KEY') };
    });

  const good = await run(builder, {}, { connectors });
  const bad = await run(builder, { fails: true }, { connectors });

  expect(good.result).toEqual({ used: '[secret]' });
  expect(bad.failure?.untrustedMessage).toBe('refused [secret]');
  expect(good.logged).toEqual(['the key is [secret]']);
});

test('a variable that the flow does not name is not read', async () => {
  const connectors = noConnectors({ variable: () => new Secret('value') });
  const builder = flow().step('x', ({ env }) => env('KEY'));

  expect(await failureOf(builder, {}, { connectors })).toMatchObject({
    code: 'variable_not_listed',
    message: 'the flow reads a variable without naming it; add it to env: [...] of defineFlow',
  });
});

test('a flow with a size gets its records as a list', async () => {
  const builder = defineFlow({ id: 'a', size: 3 }).step('x', ({ payload, items, indexes }) =>
    payload.map((record, at) => [record.n, items[at].n, indexes[at]]),
  );

  expect(flowOf(builder).chunk).toEqual({ size: 3, onError: 'fail' });
  expect(await resultOf(builder, [{ n: 1 }, { n: 2 }], { indexes: [4, 9] })).toEqual([
    [1, 1, 4],
    [2, 2, 9],
  ]);
});

test('what was kept of a chunk is worth nothing to a chunk of other records', async () => {
  const ran: unknown[] = [];
  const builder = defineFlow({ id: 'a', size: 3, checkpoint: true })
    .step('one', ({ indexes }) => ran.push(indexes))
    .step('two', () => Promise.reject(new TransientError()));

  const after = await run(builder, [1, 2], { indexes: [4, 9] });
  await run(builder, [1], { indexes: [4], after });
  await run(builder, [1, 2], { indexes: [4, 9], after });

  expect(ran).toEqual([[4, 9], [4]]);
});

test('finally sees what the job came to, and its records', async () => {
  const builder = flow({ env: ['KEY'] }).step('x', () => 1);
  const ended = defineFlow({
    id: 'a',
    async finally({ status, counts, wave, results, state, params }) {
      const sums: unknown[] = [];
      for await (const { index, result } of results()) sums.push([index, result]);
      await state.set('ended', true);
      return { status, counts, wave, sums, params };
    },
  }).step('x', () => 1);
  const memory = new Map();
  const ending = {
    batchJobId: 'job-1',
    params: { a: 1 },
    connectors: noConnectors(),
    signal: new AbortController().signal,
    state: () => stateIn(memory, 'job'),
    log: () => {},
    glob: async () => [],
    wave: 0,
    status: 'completed',
    counts: { total: 1 },
    async *results() {
      yield { index: 0, id: null, status: 'succeeded' as const, payload: {}, result: 5, error: null };
    },
  };

  expect(flowOf(builder).atEnd).toBeUndefined();
  expect(await flowOf(ended).atEnd?.(ending)).toEqual({
    status: 'completed',
    counts: { total: 1 },
    wave: 0,
    sums: [[0, 5]],
    params: { a: 1 },
  });
  expect(memory.get('job:ended')).toBe(true);
});

test('what a flow says of itself', () => {
  const input = z.object({ email: z.string(), phone: z.string().optional() });
  const builder = defineFlow({
    id: 'import-users',
    name: 'Import of users',
    version: 3,
    input,
    concurrency: 8,
    idField: 'email',
    retry: { max_attempts: 4, delay: '2s' },
    on_error: 'dead-letter',
    connectors: ['crm'],
    env: ['KEY'],
    params: { region: 'north', day: { required: true } },
    effects: false,
  })
    .step('one', () => 1)
    .parallel('two', [() => 1, () => 2])
    .forEach(
      'three',
      () => [],
      () => {},
    );

  expect(flowOf(builder, 'the text')).toMatchObject({
    name: 'import-users',
    version: 3,
    description: 'Import of users',
    text: 'the text',
    kind: 'code',
    hasEffects: false,
    retry: { retries: 3, delayMs: 2000 },
    afterFailure: 'dead-letter',
    batch: { concurrency: 8, idField: 'email' },
    chunk: undefined,
    parameters: [
      { name: 'region', required: false, byDefault: 'north' },
      { name: 'day', required: true },
    ],
    connectors: [{ name: 'crm', type: 'http' }],
    needs: { codeSteps: [], variables: ['KEY'], approval: [expect.any(String)] },
    expects: [
      { path: 'email', required: true },
      { path: 'phone', required: false },
    ],
    summary: 'code: one → two (2 at once) → three (for each item)',
  });
});
