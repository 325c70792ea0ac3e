import * as cronflow from '../../../../src/index.ts';
import {
  analyzeBatch,
  fetchData,
  fetchItems,
  fetchUsers,
  getInitialData,
  logBatchResult,
  logFailedBatch,
  processBatch,
  updateCache,
  validateBatch,
} from './functions.ts';

export const errorHandlingBatchWorkflow = cronflow.define({
  id: 'error-handling-batch-workflow',
  name: 'Error Handling Batch Workflow',
});

errorHandlingBatchWorkflow
  .step('fetch-items', async (ctx) => {
    return await fetchItems(ctx.payload);
  })
  .batch(
    'process-with-error-handling',
    {
      items: (ctx) => ctx.steps['fetch-items'].output,
      size: 25,
    },
    (batch, flow) => {
      flow
        .step('validate-batch', async () => {
          return await validateBatch(batch);
        })
        .step('process-batch', async () => {
          try {
            return await processBatch(batch);
          } catch (error) {
            await logFailedBatch(batch, error);
            return { failed: true, error: (error as Error).message };
          }
        })
        .action('update-progress', async () => {
          const successCount = await flow.state.get('success-count', 0);
          const failureCount = await flow.state.get('failure-count', 0);

          if (flow.last.failed) {
            await flow.state.set('failure-count', failureCount + 1);
          } else {
            await flow.state.set('success-count', successCount + 1);
          }
        });
    },
  );

export const parallelBatchWorkflow = cronflow.define({
  id: 'parallel-batch-workflow',
  name: 'Parallel Batch Workflow',
});

parallelBatchWorkflow
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'parallel-batch-processing',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 100,
      concurrency: 5,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          return await processBatch(batch);
        })
        .action('update-cache', async () => {
          await updateCache(flow.last);
        });
    },
  );

export const conditionalBatchWorkflow = cronflow.define({
  id: 'conditional-batch-workflow',
  name: 'Conditional Batch Workflow',
});

conditionalBatchWorkflow
  .step('fetch-users', async (ctx) => {
    return await fetchUsers(ctx.payload);
  })
  .batch(
    'conditional-processing',
    {
      items: (ctx) => ctx.steps['fetch-users'].output,
      size: 50,
    },
    (batch, flow) => {
      flow
        .step('analyze-batch', async () => {
          return await analyzeBatch(batch);
        })
        .if('batch-needs-processing', (ctx) => ctx.last.needsProcessing)
        .step('process-batch', async () => {
          return await processBatch(batch);
        })
        .else()
        .step('skip-batch', async () => {
          return { skipped: true, reason: 'No processing needed' };
        })
        .endIf()
        .action('log-batch-result', async () => {
          await logBatchResult(flow.last);
        });
    },
  );

export const statefulBatchWorkflow = cronflow.define({
  id: 'stateful-batch-workflow',
  name: 'Stateful Batch Workflow',
});

statefulBatchWorkflow
  .step('initialize-processing', async (ctx) => {
    await ctx.state.set('total-items', 0);
    await ctx.state.set('processed-items', 0);
    await ctx.state.set('failed-items', 0);
    return await getInitialData(ctx.payload);
  })
  .batch(
    'stateful-batch-processing',
    {
      items: (ctx) => ctx.steps['initialize-processing'].output,
      size: 75,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          const result = await processBatch(batch);
          const processed = await flow.state.get('processed-items', 0);
          await flow.state.set('processed-items', processed + batch.length);

          return result;
        })
        .action('log-progress', async () => {
          const processed = await flow.state.get('processed-items', 0);
          const total = await flow.state.get('total-items', 0);
          const percentage = Math.round((processed / total) * 100);

          console.log(`Progress: ${processed}/${total} (${percentage}%)`);
        });
    },
  );
