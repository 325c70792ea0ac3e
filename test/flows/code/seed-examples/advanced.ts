import * as cronflow from '../../../../src/index.ts';
import {
  fetchApiData,
  fetchData,
  fetchLargeDataset,
  getDataToProcess,
  logFailedBatch,
  processBatch,
  processBatchWithRateLimit,
  saveProgress,
} from './functions.ts';

export const retryBatchWorkflow = cronflow.define({
  id: 'retry-batch-workflow',
  name: 'Retry Batch Workflow',
});

retryBatchWorkflow
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'retry-batch-processing',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 100,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          let attempts = 0;
          const maxAttempts = 3;

          while (attempts < maxAttempts) {
            try {
              return await processBatch(batch);
            } catch (error) {
              attempts++;
              if (attempts >= maxAttempts) {
                throw error;
              }
              await new Promise((resolve) => setTimeout(resolve, 1000 * attempts));
            }
          }
        })
        .onError(async (ctx) => {
          await logFailedBatch(batch, ctx.error);
          return { failed: true, error: ctx.error.message };
        });
    },
  );

export const rateLimitedBatchWorkflow = cronflow.define({
  id: 'rate-limited-batch-workflow',
  name: 'Rate Limited Batch Workflow',
});

rateLimitedBatchWorkflow
  .step('fetch-api-data', async (ctx) => {
    return await fetchApiData(ctx.payload);
  })
  .batch(
    'rate-limited-processing',
    {
      items: (ctx) => ctx.steps['fetch-api-data'].output,
      size: 10,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          return await processBatchWithRateLimit(batch);
        })
        .action('wait-between-batches', async () => {
          await new Promise((resolve) => setTimeout(resolve, 1000));
        });
    },
  );

export const memoryOptimizedBatchWorkflow = cronflow.define({
  id: 'memory-optimized-batch-workflow',
  name: 'Memory Optimized Batch Workflow',
});

memoryOptimizedBatchWorkflow
  .step('fetch-large-dataset', async (ctx) => {
    return await fetchLargeDataset(ctx.payload);
  })
  .batch(
    'memory-optimized-processing',
    {
      items: (ctx) => ctx.steps['fetch-large-dataset'].output,
      size: 25,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          const result = await processBatch(batch);
          batch.length = 0;

          return result;
        })
        .action('garbage-collect', async () => {
          if (global.gc) {
            global.gc();
          }
        });
    },
  );

export const persistentBatchWorkflow = cronflow.define({
  id: 'persistent-batch-workflow',
  name: 'Persistent Batch Workflow',
});

persistentBatchWorkflow
  .step('initialize-processing', async (ctx) => {
    const startTime = Date.now();
    await ctx.state.set('start-time', startTime);
    await ctx.state.set('processed-count', 0);
    await ctx.state.set('last-processed-index', -1);

    return await getDataToProcess(ctx.payload);
  })
  .batch(
    'persistent-batch-processing',
    {
      items: (ctx) => ctx.steps['initialize-processing'].output,
      size: 50,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          const result = await processBatch(batch);
          const processed = await flow.state.get('processed-count', 0);
          await flow.state.set('processed-count', processed + batch.length);
          const lastIndex = await flow.state.get('last-processed-index', -1);
          await flow.state.set('last-processed-index', lastIndex + batch.length);

          return result;
        })
        .action('save-progress', async () => {
          const progress = {
            processed: await flow.state.get('processed-count', 0),
            lastIndex: await flow.state.get('last-processed-index', -1),
            startTime: await flow.state.get('start-time', 0),
            currentTime: Date.now(),
          };

          await saveProgress(progress);
        });
    },
  );
