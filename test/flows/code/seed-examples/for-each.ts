import * as cronflow from '../../../../src/index.ts';
import {
  checkOrderStatus,
  fetchItems,
  fetchOrders,
  fetchUsers,
  logItemError,
  logSkippedOrder,
  processItem,
  processOrder,
  processUser,
  sendOrderConfirmation,
  sendUserNotification,
  validateUser,
} from './functions.ts';

export const forEachWorkflow = cronflow.define({
  id: 'foreach-workflow',
  name: 'ForEach Workflow',
});

forEachWorkflow
  .step('fetch-users', async (ctx) => {
    return await fetchUsers(ctx.payload);
  })
  .forEach(
    'process-user',
    (ctx) => ctx.steps['fetch-users'].output,
    (user, flow) => {
      flow
        .step('validate-user', async () => {
          return await validateUser(user);
        })
        .step('process-user', async () => {
          return await processUser(flow.last);
        })
        .action('send-notification', async () => {
          await sendUserNotification(user);
        });
    },
  );

export const forEachErrorWorkflow = cronflow.define({
  id: 'foreach-error-workflow',
  name: 'ForEach Error Workflow',
});

forEachErrorWorkflow
  .step('fetch-items', async (ctx) => {
    return await fetchItems(ctx.payload);
  })
  .forEach(
    'process-item',
    (ctx) => ctx.steps['fetch-items'].output,
    (item, flow) => {
      flow
        .step('process-item', async () => {
          try {
            return await processItem(item);
          } catch (error) {
            await logItemError(item, error);
            return { failed: true, error: (error as Error).message };
          }
        })
        .action('update-progress', async () => {
          const processed = await flow.state.get('processed-count', 0);
          await flow.state.set('processed-count', processed + 1);
        });
    },
  );

export const conditionalForEachWorkflow = cronflow.define({
  id: 'conditional-foreach-workflow',
  name: 'Conditional ForEach Workflow',
});

conditionalForEachWorkflow
  .step('fetch-orders', async (ctx) => {
    return await fetchOrders(ctx.payload);
  })
  .forEach(
    'process-order',
    (ctx) => ctx.steps['fetch-orders'].output,
    (order, flow) => {
      flow
        .step('check-order-status', async () => {
          return await checkOrderStatus(order);
        })
        .if('order-needs-processing', (ctx) => ctx.last.needsProcessing)
        .step('process-order', async () => {
          return await processOrder(order);
        })
        .action('send-confirmation', async () => {
          await sendOrderConfirmation(order);
        })
        .else()
        .action('log-skipped-order', async () => {
          await logSkippedOrder(order);
        })
        .endIf();
    },
  );
