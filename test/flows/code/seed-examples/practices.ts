import * as cronflow from '../../../../src/index.ts';
import { fetchData, logBatchError, logPerformance, processBatch } from './functions.ts';

export const memoryIntensive = cronflow
  .define({ id: 'memory-intensive', name: 'Practice' })
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'memory-intensive',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 25,
    },
    (batch, flow) => {
      flow.step('process-batch', async () => {
        return await processBatch(batch);
      });
    },
  );

export const balancedProcessing = cronflow
  .define({ id: 'balanced-processing', name: 'Practice' })
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'balanced-processing',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 100,
    },
    (batch, flow) => {
      flow.step('process-batch', async () => {
        return await processBatch(batch);
      });
    },
  );

export const simpleProcessing = cronflow
  .define({ id: 'simple-processing', name: 'Practice' })
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'simple-processing',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 500,
    },
    (batch, flow) => {
      flow.step('process-batch', async () => {
        return await processBatch(batch);
      });
    },
  );

export const errorHandling = cronflow
  .define({ id: 'error-handling', name: 'Practice' })
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'error-handling',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 100,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          try {
            return await processBatch(batch);
          } catch (error) {
            await logBatchError(batch, error);
            return { failed: true, error: (error as Error).message };
          }
        })
        .action('update-error-count', async () => {
          if (flow.last.failed) {
            const errorCount = await flow.state.get('error-count', 0);
            await flow.state.set('error-count', errorCount + 1);
          }
        });
    },
  );

export const performanceMonitoring = cronflow
  .define({ id: 'performance-monitoring', name: 'Practice' })
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'performance-monitoring',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 100,
    },
    (batch, flow) => {
      flow
        .step('start-timer', async () => {
          return { startTime: Date.now() };
        })
        .step('process-batch', async () => {
          return await processBatch(batch);
        })
        .action('log-performance', async () => {
          const startTime = flow.steps['start-timer'].output.startTime;
          const duration = Date.now() - startTime;

          console.log(`Batch processed in ${duration}ms`);
          await logPerformance(duration, batch.length);
        });
    },
  );

export const progressTracking = cronflow
  .define({ id: 'progress-tracking', name: 'Practice' })
  .step('fetch-data', async (ctx) => {
    return await fetchData(ctx.payload);
  })
  .batch(
    'progress-tracking',
    {
      items: (ctx) => ctx.steps['fetch-data'].output,
      size: 50,
    },
    (batch, flow) => {
      flow
        .step('process-batch', async () => {
          return await processBatch(batch);
        })
        .action('update-progress', async () => {
          const processed = await flow.state.get('processed-count', 0);
          const total = flow.steps['fetch-data'].output.length;
          const newProcessed = processed + batch.length;

          await flow.state.set('processed-count', newProcessed);

          const percentage = Math.round((newProcessed / total) * 100);
          console.log(`Progress: ${newProcessed}/${total} (${percentage}%)`);
        });
    },
  );
