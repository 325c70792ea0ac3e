import { expect } from 'vitest';
import { defineFlow, TransientError } from '../../src/index.ts';
import { flowOf, gate } from '../flows/code/run-code.ts';
import { test } from '../support/database.ts';
import { finished, jobWhen, runFlow, testEngine } from '../support/engine.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const retry = { max_attempts: 3, delay: '20ms' } as const;

/** One record that loads `count` numbers in batches of ten; `send` decides what becomes of a batch. */
function loading(count: number, send: (batch: number[]) => unknown) {
  const fetched: number[] = [];
  const builder = defineFlow({ id: 'load', retry })
    .step('fetch', async ({ state }) => {
      fetched.push(1);
      await state.set('loaded', 0);
      return numbers(count);
    })
    .batch('load', { items: (ctx) => ctx.last, size: 10 }, (batch, flow) => {
      flow
        .step('send', () => send(batch))
        .action('count', async ({ batch: job }) => {
          await flow.state.incr('loaded', batch.length);
          await job.state.incr('all', batch.length);
        });
    })
    .step('look', async ({ state, batch }) => [await state.get('loaded'), await batch.state.get('all')]);
  return { flow: flowOf(builder), fetched };
}

test('a retry of a record runs only the batches that failed, and state adds up', async ({ db }) => {
  const sent: number[] = [];
  const { flow, fetched } = loading(50, (batch) => {
    const [first = 0] = batch;
    sent.push(first);
    if (first === 20 && sent.filter((other) => other === 20).length < 3) throw new TransientError('busy');
    return first;
  });

  const { id, engine } = await runFlow(db, flow, 1);
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(1);
  expect(sent).toEqual([0, 10, 20, 30, 40, 20, 20]);
  expect(fetched).toHaveLength(1);
  const [row] = await db.run((sql) => sql`select result from records where job_id = ${id}`);
  expect(row?.result).toEqual([50, 50]);
  await engine.stop(0);
});

test('a process that is stopped in the middle leaves what it has done to the next', async ({ db }) => {
  const begun = gate();
  const sent: number[] = [];
  let hangs = true;
  const { flow, fetched } = loading(50, ([first = 0]) => {
    sent.push(first);
    if (first !== 30 || !hangs) return first;
    begun.open();
    return new Promise(() => {});
  });
  const { id, engine } = await runFlow(db, flow, 1);
  await begun.opened;
  await engine.stop(0);
  hangs = false;

  const next = testEngine(db, flow);
  next.wake();
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(1);
  expect(sent).toEqual([0, 10, 20, 30, 30, 40]);
  expect(fetched).toHaveLength(1);
  await next.stop(0);
});

test('a flow with a size runs once for each chunk, and a list gives each record its own result', async ({
  db,
}) => {
  const sizes: number[] = [];
  const builder = defineFlow({ id: 'chunks', size: 100 }).step('x', ({ items, indexes }) => {
    sizes.push(items.length);
    return indexes.map((index) => index * 2);
  });

  const { id, engine } = await runFlow(db, flowOf(builder), 250);
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(250);
  expect(sizes.sort((a, b) => a - b)).toEqual([50, 100, 100]);
  const [row] = await db.run((sql) => sql`select result from records where job_id = ${id} and idx = 123`);
  expect(row?.result).toBe(246);
  await engine.stop(0);
});

test('finally runs once, and sees the results', async ({ db }) => {
  const sums: number[] = [];
  const builder = defineFlow({
    id: 'sum',
    async finally({ results, state }) {
      let sum = 0;
      for await (const { result } of results()) sum += Number(result);
      sums.push(sum, Number(await state.get('n')));
      return { sum };
    },
  }).step('x', async ({ index, batch }) => {
    await batch.state.incr('n');
    return index;
  });

  const { id, engine } = await runFlow(db, flowOf(builder), 10);
  await jobWhen(db, id, finished);

  expect(sums).toEqual([45, 10]);
  await engine.stop(0);
});
