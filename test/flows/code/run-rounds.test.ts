import { expect, test } from 'vitest';
import { defineFlow, TransientError } from '../../../src/index.ts';
import { failureOf, gate, resultOf, run } from './run-code.ts';

const flow = (settings = {}) => defineFlow({ id: 'a', ...settings });
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A flow over batches of `size` numbers. Those of `bad` fail; what was processed is in `seen`. */
function batches(list: () => readonly unknown[], size: number, bad: Set<unknown>, settings = {}) {
  const seen: unknown[] = [];
  const builder = flow(settings).batch('load', { items: list, size }, (batch, inner) => {
    inner.step('send', () => {
      seen.push(...batch);
      if (batch.some((item) => bad.has(item))) throw new TransientError('busy', { retryAfter: batch.length });
      return batch.length;
    });
  });
  return { builder, seen };
}

test('a list that is empty has no rounds and no results', async () => {
  const { builder } = batches(() => [], 10, new Set());

  expect(await resultOf(builder)).toEqual([]);
});

test('a loop may be tried again only if every part of it may', async () => {
  const build = (thrown: (item: number) => Error) =>
    flow().forEach(
      'each',
      () => numbers(4),
      (item, inner) => {
        inner.step('send', () => {
          if (item > 0) throw thrown(item);
        });
      },
    );

  expect(await failureOf(build(() => new TransientError('busy')))).toMatchObject({ class: 'transient' });
  expect(
    await failureOf(build((item) => (item === 2 ? new Error('bad') : new TransientError('busy')))),
  ).toEqual({
    class: 'data',
    code: 'items_failed',
    message: '3 of 4 items failed: step send failed',
    untrustedMessage: 'bad',
    step: 'each',
  });
});

test('the longest wait that a part asks for is that of the loop', async () => {
  const { builder } = batches(() => numbers(5), 3, new Set([1, 4]));

  expect(await failureOf(builder)).toMatchObject({ retryAfterMs: 3_000 });
});

test('a batch is kept as soon as it has succeeded, so that a process that dies repeats only the others', async () => {
  const { builder, seen } = batches(() => numbers(40), 10, new Set());
  const died = await run(builder, {});
  const progress = died.kept[1];
  seen.length = 0;

  await run(builder, {}, progress === undefined ? {} : { progress });

  expect(died.kept).toHaveLength(4);
  expect(seen).toEqual(numbers(40).slice(20));
});

test('a batch does not begin before the one before it is committed', async () => {
  const committing = gate();
  const commit = gate();
  const { builder, seen } = batches(() => numbers(4), 2, new Set());

  const running = run(
    builder,
    {},
    {
      async checkpoint() {
        committing.open();
        await commit.opened;
      },
    },
  );
  await committing.opened;
  const before = [...seen];
  commit.open();
  await running;

  expect(before).toEqual([0, 1]);
  expect(seen).toEqual([0, 1, 2, 3]);
});

test('what cannot be committed ends the run, and is no failure of the record', async () => {
  const { builder, seen } = batches(() => numbers(6), 2, new Set());
  const lost = new Error('the lease is lost');

  await expect(run(builder, {}, { checkpoint: () => Promise.reject(lost) })).rejects.toBe(lost);
  expect(seen).toEqual([0, 1]);
});

test('of a list that was made anew only the batches that differ are processed again', async () => {
  let list = numbers(6);
  const bad = new Set<unknown>([4]);
  const { builder, seen } = batches(() => list, 2, bad);
  const after = await run(builder, {});
  seen.length = 0;
  bad.clear();
  list = [0, 1, 2, 99, 4, 5, 6];

  const { result } = await run(builder, {}, { after });

  expect(seen).toEqual([2, 99, 4, 5, 6]);
  expect(result).toEqual([2, 2, 2, 1]);
});

test('steps before a loop are not repeated by a retry of the loop', async () => {
  const ran: string[] = [];
  const bad = new Set([1]);
  const builder = flow()
    .step('fetch', () => ran.push('fetch'))
    .action('tell', () => ran.push('tell'))
    .if('odd', () => ran.push('odd') > 0)
    .step('inside', () => ran.push('inside'))
    .endIf()
    .forEach(
      'each',
      () => numbers(2),
      (item, inner) => {
        inner.step('send', () => {
          if (bad.has(item)) throw new TransientError();
        });
      },
    );

  const after = await run(builder);
  bad.clear();
  const again = await run(builder, {}, { after });

  expect(ran).toEqual(['fetch', 'tell', 'odd', 'inside']);
  expect(again.result).toEqual([null, null]);
});

test('a list too large to keep is fetched again, and batches that were processed are not processed again', async () => {
  const ran: string[] = [];
  const bad = new Set<unknown>([`${'x'.repeat(1000)}399`]);
  const seen: unknown[] = [];
  const builder = flow()
    .step('fetch', () => {
      ran.push('fetch');
      return numbers(400).map((index) => 'x'.repeat(1000) + index);
    })
    .batch('load', { items: (ctx) => ctx.last, size: 100 }, (batch, inner) => {
      inner.step('send', () => {
        seen.push(batch.length);
        if (batch.some((item) => bad.has(item))) throw new TransientError();
        return 'sent';
      });
    });

  const after = await run(builder);
  bad.clear();
  const { result } = await run(builder, {}, { after });

  expect(ran).toEqual(['fetch', 'fetch']);
  expect(JSON.stringify(after.progress).length).toBeLessThan(1000);
  expect(seen).toHaveLength(5);
  expect(result).toEqual(['sent', 'sent', 'sent', 'sent']);
});

test('items that are no JSON can be processed; a retry takes them all again', async () => {
  const bad = new Set<unknown>(['b']);
  const seen: string[] = [];
  const builder = flow({ checkpoint: true }).forEach(
    'each',
    () => ['a', 'b'].map((name) => new Map([['name', name]])),
    (item, inner) => {
      inner
        .step('first', () => {
          seen.push(item.get('name') ?? '');
        })
        .step('second', () => {
          if (bad.has(item.get('name'))) throw new TransientError();
        });
    },
  );

  const after = await run(builder);
  bad.clear();
  await run(builder, {}, { after });

  expect(seen).toEqual(['a', 'b', 'a', 'b']);
});

test('loops in loops: only what failed in the innermost is repeated', async () => {
  const bad = new Set(['1.2']);
  const seen: string[] = [];
  const builder = flow().forEach(
    'outer',
    () => numbers(3),
    (one, outer) => {
      outer
        .step('prepare', () => seen.push(`prepare ${one}`))
        .forEach(
          'inner',
          () => numbers(3),
          (two, inner) => {
            inner.step('send', () => {
              seen.push(`${one}.${two}`);
              if (bad.has(`${one}.${two}`)) throw new TransientError('busy');
              return `${one}.${two}`;
            });
          },
        );
    },
  );

  const after = await run(builder);
  const first = [...seen];
  bad.clear();
  seen.length = 0;
  const again = await run(builder, {}, { after });

  expect(first).toHaveLength(12);
  expect(after.failure).toMatchObject({
    class: 'transient',
    message: '1 of 3 items failed: 1 of 3 items failed: step send failed',
    step: 'outer',
  });
  expect(seen).toEqual(['1.2']);
  expect(again.result).toEqual(numbers(3).map((one) => numbers(3).map((two) => `${one}.${two}`)));
});

test('with checkpoint the steps of a batch that succeeded are not repeated with the batch', async () => {
  const bad = new Set([1]);
  const seen: string[] = [];
  const builder = flow({ checkpoint: true }).forEach(
    'each',
    () => numbers(2),
    (item, inner) => {
      inner
        .step('first', () => seen.push(`first ${item}`))
        .step('second', () => {
          seen.push(`second ${item}`);
          if (bad.has(item)) throw new TransientError();
        });
    },
  );

  const after = await run(builder);
  bad.clear();
  await run(builder, {}, { after });

  expect(seen).toEqual(['first 0', 'second 0', 'first 1', 'second 1', 'second 1']);
});

test.each([
  [
    'as the last argument',
    (builder: ReturnType<typeof flow>, each: never) =>
      builder.forEach('each', () => numbers(6), each, { concurrency: 3 }),
  ],
  [
    'beside the items',
    (builder: ReturnType<typeof flow>, each: never) =>
      builder.forEach('each', { items: () => numbers(6), concurrency: 3 }, each),
  ],
])('items are processed at once with a concurrency %s', async (_, build) => {
  const three = gate();
  let [now, most] = [0, 0];
  const each = (_item: number, inner: ReturnType<typeof flow>) => {
    inner.step('meet', async () => {
      now += 1;
      most = Math.max(most, now);
      if (now === 3) three.open();
      await three.opened;
      now -= 1;
    });
  };

  await resultOf(build(flow(), each as never));

  expect(most).toBe(3);
});

test('last belongs to one round, also when rounds go on at once', async () => {
  const builder = flow()
    .step('before', () => 'outer')
    .forEach(
      'each',
      () => numbers(5),
      (item, inner) => {
        inner
          .step('first', async () => [inner.last, item])
          .step('second', async () => {
            await new Promise((resolve) => setImmediate(resolve));
            return inner.last;
          });
      },
      { concurrency: 5 },
    );

  expect(await resultOf(builder)).toEqual(numbers(5).map((item) => [null, item]));
});

test('an abort ends a loop with what is under way, and nothing more begins', async () => {
  const abort = new AbortController();
  const seen: number[] = [];
  const builder = flow().forEach(
    'each',
    () => numbers(10),
    (item, inner) => {
      inner.step('send', () => {
        seen.push(item);
        if (item === 3) abort.abort(new Error('stopping'));
      });
    },
  );

  await expect(run(builder, {}, { signal: abort.signal })).rejects.toThrow('stopping');
  expect(seen).toEqual([0, 1, 2, 3]);
});

test('what a round changes of its items is seen nowhere else', async () => {
  const builder = flow()
    .step('fetch', () => [{ n: 1, tags: ['a'] }])
    .batch('load', { items: (ctx) => ctx.last, size: 10 }, (batch, inner) => {
      inner.action('change', () => {
        for (const item of batch) {
          item.n = 2;
          item.tags.length = 0;
        }
      });
    })
    .step('look', (ctx) => ctx.steps.fetch.output);

  expect(await resultOf(builder)).toEqual([{ n: 1, tags: ['a'] }]);
});

test('items that are no list are a failure that names the loop', async () => {
  const builder = flow().forEach(
    'each',
    () => 'abc' as never,
    () => {},
  );

  expect(await failureOf(builder)).toMatchObject({
    code: 'list_expected',
    message: 'items of each did not give a list',
  });
});

test('a callback that throws, or builds what cannot be, fails its round alone', async () => {
  const builder = flow().forEach(
    'each',
    () => numbers(3),
    (item, inner) => {
      if (item === 0) throw new Error('no');
      if (item === 1) inner.step('x', () => 1).step('x', () => 1);
    },
  );

  const { failure } = await run(builder);

  expect(failure).toMatchObject({
    message: '2 of 3 items failed: the callback of each failed',
    untrustedMessage: 'no',
  });
});

test('a callback may be asynchronous', async () => {
  const builder = flow().forEach(
    'each',
    () => numbers(2),
    async (item, inner) => {
      await Promise.resolve();
      inner.step('x', () => item + 1);
    },
  );

  expect(await resultOf(builder)).toEqual([1, 2]);
});

test('a loop of many items does not spend its time keeping them', async () => {
  const bytes: number[] = [];
  const builder = flow().forEach(
    'each',
    () => numbers(500),
    (item, inner) => {
      inner.step('send', () => ({ id: item, text: 'x'.repeat(1_000) }));
    },
  );

  await run(
    builder,
    {},
    {
      async checkpoint(progress) {
        bytes.push(JSON.stringify(progress).length);
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
    },
  );

  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100 * (bytes.at(-1) ?? 0));
  expect(bytes.at(-1)).toBeGreaterThan(500 * 1_000);
});

test('progress beyond 1 MiB is not kept, and the run goes on', async () => {
  const builder = flow().forEach(
    'each',
    () => numbers(30),
    (_, inner) => {
      inner.step('send', () => 'x'.repeat(100_000));
    },
  );

  const { result, kept, logged } = await run(builder);

  expect(result).toHaveLength(30);
  expect(Object.keys(kept.at(-1)?.results ?? {})).toHaveLength(11);
  expect(logged).toEqual(['a record has more than 1 MiB of progress; the rest of it is not kept']);
});
