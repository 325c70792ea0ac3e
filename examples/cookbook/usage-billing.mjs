import { defineFlow } from 'sluice-mcp';

export default defineFlow({
  id: 'usage-billing',
  version: 1,
  description: "Collects each account's usage of a month and hands it to billing, 100 events a call",
  params: { month: { required: true, description: 'Such as 2026-01' } },
  connectors: ['metering', 'billing'],
  retry: '3x exponential(2s)',
  concurrency: 4,
  idField: 'account',
  async finally(job) {
    return { status: job.status, events: await job.state.get('events', 0) };
  },
})
  .step('collect', async (ctx) => {
    const path = `/accounts/${encodeURIComponent(ctx.payload.account)}/usage`;
    const events = [];
    for (let page = 1; page !== null; ) {
      const { body } = await ctx.fetch('metering', path, { query: { month: ctx.params.month, page } });
      events.push(...body.events);
      page = body.next_page ?? null;
    }
    return events;
  })
  .batch('bill', { items: (ctx) => ctx.steps.collect.output, size: 100 }, (events, flow) => {
    flow
      .step('send', async (ctx) => {
        const { account } = ctx.payload;
        await ctx.fetch('billing', '/usage', { body: { account, month: ctx.params.month, events } });
        return events.length;
      })
      .action('count', async (ctx) => {
        await ctx.batch.state.incr('events', events.length);
      });
  })
  .forEach(
    'confirm',
    (ctx) => [...new Set(ctx.steps.collect.output.map((event) => event.product))],
    (product, flow) => {
      flow.step('close', async (ctx) => {
        const path = `/accounts/${encodeURIComponent(ctx.payload.account)}/products/${encodeURIComponent(product)}`;
        await ctx.fetch('billing', path, { method: 'PATCH', body: { closed: ctx.params.month } });
        return product;
      });
    },
  );
