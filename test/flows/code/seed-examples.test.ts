import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { flowOf, gate, type Memory, run } from './run-code.ts';
import * as advanced from './seed-examples/advanced.ts';
import * as basic from './seed-examples/basic.ts';
import * as forEach from './seed-examples/for-each.ts';
import { callsOf, type Item, script } from './seed-examples/functions.ts';
import * as patterns from './seed-examples/patterns.ts';
import * as practices from './seed-examples/practices.ts';

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

/** Lets the waits of an example pass at once. */
function withoutWaiting() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

const items = (count: number): Item[] =>
  Array.from({ length: count }, (_, index) => ({ id: index, name: `item ${index}` }));
const sizes = (name: string) => callsOf(name).map(([batch]) => (batch as Item[]).length);
const stateOf = (memory: Memory) =>
  Object.fromEntries([...memory].map(([key, value]) => [key.slice(2), value]));

/** Fails for the batch, or the item, that holds the id. */
const failingAt = (id: number) => (given: Item | Item[]) => {
  if ([given].flat().some((item) => item.id === id)) throw new Error('no luck');
  return { count: [given].flat().length };
};

test.each(Object.entries({ ...basic, ...patterns, ...forEach, ...advanced, ...practices }))(
  '%s is a flow',
  (_, builder) => {
    expect(flowOf(builder)).toMatchObject({ kind: 'code', hasEffects: true });
  },
);

test('a flow is started by its id; its name is the line that people read', () => {
  expect(flowOf(basic.batchWorkflow)).toMatchObject({
    name: 'batch-workflow',
    description: 'Batch Processing Workflow',
    summary: 'code: fetch-all-users → process-users-in-batches (in batches of 100)',
  });
});

test('a list is processed in batches of the given size, and the results come back in order', async () => {
  script({ fetchAllUsers: () => items(250), processUserBatch: (batch: Item[]) => ({ count: batch.length }) });

  const { result } = await run(basic.batchWorkflow, { criteria: 'all' });

  expect(callsOf('fetchAllUsers')).toEqual([['all']]);
  expect(sizes('processUserBatch')).toEqual([100, 100, 50]);
  expect(result).toEqual([{ count: 100 }, { count: 100 }, { count: 50 }]);
});

test('progress is kept in the state of the run', async () => {
  script({ getLargeDataset: () => items(120), processBatch: () => ({ count: 0 }) });

  const { memory } = await run(basic.progressBatchWorkflow);

  expect(memory.get('7:processed-count')).toBe(120);
});

test('a batch that fails does not keep the others from being processed', async () => {
  script({ fetchAllUsers: () => items(250), processUserBatch: failingAt(150) });

  const { failure } = await run(basic.batchWorkflow, {});

  expect(sizes('processUserBatch')).toEqual([100, 100, 50]);
  expect(failure).toEqual({
    class: 'data',
    code: 'batches_failed',
    message: '1 of 3 batches failed: step process-batch failed',
    untrustedMessage: 'no luck',
    step: 'process-users-in-batches',
  });
});

test('a retry runs only the batch that failed', async () => {
  script({ fetchAllUsers: () => items(250), processUserBatch: failingAt(150) });
  const after = await run(basic.batchWorkflow, {});
  script({ fetchAllUsers: () => items(250), processUserBatch: (batch: Item[]) => ({ count: batch.length }) });

  const { result } = await run(basic.batchWorkflow, {}, { after });

  expect(callsOf('fetchAllUsers')).toEqual([]);
  expect(callsOf('processUserBatch').map(([batch]) => (batch as Item[])[0]?.id)).toEqual([100]);
  expect(result).toEqual([{ count: 100 }, { count: 100 }, { count: 50 }]);
});

test('a batch whose error is caught counts as failed in the state, and the flow goes on', async () => {
  script({ fetchItems: () => items(75), validateBatch: () => true, processBatch: failingAt(30) });

  const { result, memory } = await run(patterns.errorHandlingBatchWorkflow);

  expect(result).toEqual([{ count: 25 }, { failed: true, error: 'no luck' }, { count: 25 }]);
  expect(stateOf(memory)).toEqual({ 'success-count': 2, 'failure-count': 1 });
  expect(callsOf('logFailedBatch')).toHaveLength(1);
});

test('with a concurrency of 5, five batches are under way at once, and never more', async () => {
  const five = gate();
  let [now, most, begun] = [0, 0, 0];
  script({
    fetchData: () => items(1200),
    async processBatch(batch: Item[]) {
      [now, begun] = [now + 1, begun + 1];
      most = Math.max(most, now);
      if (begun === 5) five.open();
      await five.opened;
      now -= 1;
      return { count: batch.length };
    },
  });

  const { result } = await run(patterns.parallelBatchWorkflow);

  expect(most).toBe(5);
  expect(result).toHaveLength(12);
  expect(callsOf('updateCache')).toHaveLength(12);
  expect(callsOf('updateCache').flat()).toEqual(expect.arrayContaining([{ count: 100 }]));
});

test('each batch takes the branch its own condition chooses', async () => {
  script({
    fetchUsers: () => items(100),
    analyzeBatch: ([first]: Item[]) => ({ needsProcessing: first?.id === 0 }),
    processBatch: () => ({ count: 50 }),
  });

  await run(patterns.conditionalBatchWorkflow);

  expect(sizes('processBatch')).toEqual([50]);
  expect(callsOf('logBatchResult')).toEqual([
    [{ count: 50 }],
    [{ skipped: true, reason: 'No processing needed' }],
  ]);
});

test('state that the first step sets is seen and changed by all batches', async () => {
  script({ getInitialData: () => items(160), processBatch: () => ({ count: 0 }) });

  const { memory } = await run(patterns.statefulBatchWorkflow);

  expect(stateOf(memory)).toEqual({ 'total-items': 0, 'processed-items': 160, 'failed-items': 0 });
});

test('a retry does not set the state anew that the first step has set', async () => {
  script({ getInitialData: () => items(160), processBatch: failingAt(80) });
  const after = await run(patterns.statefulBatchWorkflow);
  script({ getInitialData: () => items(160), processBatch: () => ({ count: 0 }) });

  const { memory } = await run(patterns.statefulBatchWorkflow, {}, { after });

  expect(after.failure?.message).toBe('1 of 3 batches failed: step process-batch failed');
  expect(memory.get('7:processed-items')).toBe(160);
});

test('forEach takes the items one after the other through all its steps', async () => {
  script({
    fetchUsers: () => items(3),
    validateUser: (user: Item) => ({ ...user, name: 'valid' }),
    processUser: ({ id }: Item) => ({ count: id }),
  });

  const { result } = await run(forEach.forEachWorkflow);

  expect(callsOf('processUser')).toEqual([0, 1, 2].map((id) => [{ id, name: 'valid' }]));
  expect(callsOf('sendUserNotification')).toEqual(items(3).map((user) => [user]));
  expect(result).toEqual([{ count: 0 }, { count: 1 }, { count: 2 }]);
});

test('an item that fails alone is counted, and a retry takes only that one', async () => {
  script({ fetchUsers: () => items(10), validateUser: (user: Item) => user, processUser: failingAt(4) });
  const after = await run(forEach.forEachWorkflow);
  script({ validateUser: (user: Item) => user, processUser: () => ({ count: 9 }) });

  const again = await run(forEach.forEachWorkflow, {}, { after });

  expect(after.failure).toMatchObject({
    code: 'items_failed',
    message: '1 of 10 items failed: step process-user failed',
    step: 'process-user',
  });
  expect(callsOf('processUser')).toEqual([[{ id: 4, name: 'item 4' }]]);
  expect(again.result).toHaveLength(10);
});

test('an error that forEach catches does not stop the other items', async () => {
  script({ fetchItems: () => items(5), processItem: failingAt(2) });

  const { memory, result } = await run(forEach.forEachErrorWorkflow);

  expect(memory.get('7:processed-count')).toBe(5);
  expect(result).toContainEqual({ failed: true, error: 'no luck' });
  expect(callsOf('logItemError')).toHaveLength(1);
});

test('each item takes its own branch', async () => {
  script({
    fetchOrders: () => items(4),
    checkOrderStatus: ({ id }: Item) => ({ needsProcessing: id % 2 === 0 }),
    processOrder: () => ({ count: 1 }),
  });

  await run(forEach.conditionalForEachWorkflow);

  expect(callsOf('sendOrderConfirmation').map(([order]) => (order as Item).id)).toEqual([0, 2]);
  expect(callsOf('logSkippedOrder').map(([order]) => (order as Item).id)).toEqual([1, 3]);
});

test('onError makes a result of the batch that failed for good', async () => {
  withoutWaiting();
  script({ fetchData: () => items(200), processBatch: failingAt(150) });

  const running = run(advanced.retryBatchWorkflow);
  await vi.advanceTimersByTimeAsync(3_000);
  const { result } = await running;

  expect(callsOf('processBatch')).toHaveLength(4);
  expect(callsOf('logFailedBatch').map(([, error]) => error)).toEqual(['no luck']);
  expect(result).toEqual([{ count: 100 }, { failed: true, error: 'no luck' }]);
});

test('batches with a wait between them are processed one after the other', async () => {
  withoutWaiting();
  script({ fetchApiData: () => items(20), processBatchWithRateLimit: () => ({ count: 10 }) });

  const running = run(advanced.rateLimitedBatchWorkflow);
  await vi.advanceTimersByTimeAsync(999);
  const before = sizes('processBatchWithRateLimit');
  await vi.advanceTimersByTimeAsync(1_001);
  await running;

  expect(before).toEqual([10]);
  expect(sizes('processBatchWithRateLimit')).toEqual([10, 10]);
});

test('a batch may empty its list without harm to the others, or to a retry', async () => {
  script({ fetchLargeDataset: () => items(60), processBatch: failingAt(30) });
  const after = await run(advanced.memoryOptimizedBatchWorkflow);
  script({ processBatch: () => ({ count: 25 }) });

  await run(advanced.memoryOptimizedBatchWorkflow, {}, { after });

  expect(after.failure?.message).toBe('1 of 3 batches failed: step process-batch failed');
  expect(callsOf('processBatch').map(([batch]) => (batch as Item[]).map(({ id }) => id))).toEqual([
    items(60)
      .slice(25, 50)
      .map(({ id }) => id),
  ]);
});

test('what is kept of the progress can be taken out of the state at any time', async () => {
  script({ getDataToProcess: () => items(120), processBatch: () => ({ count: 50 }) });

  const { memory } = await run(advanced.persistentBatchWorkflow);

  expect(stateOf(memory)).toMatchObject({ 'processed-count': 120, 'last-processed-index': 119 });
  expect(callsOf('saveProgress').map(([progress]) => (progress as { processed: number }).processed)).toEqual([
    50, 100, 120,
  ]);
});

test.each([
  [practices.memoryIntensive, 24],
  [practices.balancedProcessing, 6],
  [practices.simpleProcessing, 2],
  [practices.performanceMonitoring, 6],
  [practices.progressTracking, 12],
])('600 items are processed in batches of the size that fits', async (builder, count) => {
  script({ fetchData: () => items(600), processBatch: () => ({ count: 1 }) });

  await run(builder);

  expect(callsOf('processBatch')).toHaveLength(count);
});

test('steps of a batch see the results of its other steps, and those of the flow around it', async () => {
  script({ fetchData: () => items(600), processBatch: () => ({ count: 1 }) });

  const { memory } = await run(practices.progressTracking);
  await run(practices.performanceMonitoring);

  expect(memory.get('7:processed-count')).toBe(600);
  expect(callsOf('logPerformance').map(([, size]) => size)).toEqual([100, 100, 100, 100, 100, 100]);
});

test('errors that are handled are counted and do not fail the flow', async () => {
  script({ fetchData: () => items(300), processBatch: failingAt(0) });

  const { memory, failure } = await run(practices.errorHandling);

  expect(failure).toBeUndefined();
  expect(memory.get('7:error-count')).toBe(1);
});
