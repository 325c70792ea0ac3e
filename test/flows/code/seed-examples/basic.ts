import * as cronflow from '../../../../src/index.ts';
import { fetchAllUsers, getLargeDataset, processBatch, processUserBatch } from './functions.ts';

export const batchWorkflow = cronflow.define({
  id: 'batch-workflow',
  name: 'Batch Processing Workflow',
});

batchWorkflow
  .step('fetch-all-users', async (ctx) => {
    return await fetchAllUsers(ctx.payload.criteria);
  })
  .batch(
    'process-users-in-batches',
    {
      items: (ctx) => ctx.steps['fetch-all-users'].output,
      size: 100,
    },
    (batch, flow) => {
      flow.step('process-batch', async () => {
        return await processUserBatch(batch);
      });
    },
  );

export const progressBatchWorkflow = cronflow.define({
  id: 'progress-batch-workflow',
  name: 'Progress Batch Workflow',
});

progressBatchWorkflow
  .step('get-large-dataset', async (ctx) => {
    return await getLargeDataset(ctx.payload);
  })
  .batch(
    'process-with-progress',
    {
      items: (ctx) => ctx.steps['get-large-dataset'].output,
      size: 50,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          return await processBatch(batch);
        })
        .action('log-progress', async () => {
          const processed = await flow.state.get('processed-count', 0);
          const total = flow.steps['get-large-dataset'].output.length;
          console.log(`Processed ${processed + batch.length}/${total} items`);
          await flow.state.set('processed-count', processed + batch.length);
        });
    },
  );
