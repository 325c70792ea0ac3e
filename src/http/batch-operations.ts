import type { Hono } from 'hono';
import type { z } from 'zod';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { getOperations } from '../operations/get-operations.ts';
import { startOperations } from '../operations/start-operations.ts';
import { idempotencyKeyOf } from './api/header-value.ts';
import { joined, readBody } from './api/read-body.ts';
import { readQuery, refuseUnknown } from './api/read-query.ts';
import { route } from './api/route.ts';
import { ask } from './ask.ts';
import { contextOf, type HttpEnvironment, type HttpOptions } from './environment.ts';
import { patienceOf } from './patience.ts';
import { notAllowed } from './problem.ts';

const outcomesAtMost = 1000;

const resultsRoute = route({
  method: 'get',
  path: '/batch/{id}/results',
  id: 'getOperationResults',
  group: 'Batches',
  summary: 'What operations came to',
  operation: getOperations,
  query: { after: {}, limit: { byDefault: outcomesAtMost } },
});

/** `POST /batch`: calls of a connector that a program brings along. */
export function serveOperations(app: Hono<HttpEnvironment>, options: HttpOptions): void {
  app.post('/batch', async (c) => {
    const given = await readBody(c, { body: 'required' });
    const key = idempotencyKeyOf(c);
    const input = key === undefined ? given : joined(given, { idempotency_key: key });
    const { batch_job_id, is_awaited, total } = await ask(contextOf(options, c), startOperations, input);
    if (is_awaited) {
      const wait_seconds = patienceOf(c.req.header('prefer'));
      const found = await ask(contextOf(options, c), getOperations, {
        batch_job_id,
        wait_seconds,
        limit: outcomesAtMost,
      });
      if (found.status !== 'processing') return c.json(answerOf(found), found.failed === 0 ? 200 : 207);
    }
    const addresses = addressesOf(batch_job_id);
    const accepted = { batchId: batch_job_id, status: 'processing', total, ...addresses };
    return c.json(accepted, 202, { location: addresses.statusUrl });
  });

  app.get('/batch/:id/status', async (c) => {
    refuseUnknown(Object.keys(c.req.queries()), []);
    const found = await ask(contextOf(options, c), getOperations, { batch_job_id: c.req.param('id') });
    const { batch_job_id, status, total, completed, failed, progress } = found;
    return c.json({
      batchId: batch_job_id,
      status,
      total,
      completed,
      failed,
      progress,
      resultsUrl: addressesOf(batch_job_id).resultsUrl,
    });
  });

  app.get('/batch/:id/results', async (c) => {
    const given = { ...readQuery(c, resultsRoute), batch_job_id: c.req.param('id') };
    const found = await ask(contextOf(options, c), getOperations, given);
    const { more_after } = found;
    return c.json({ ...answerOf(found), ...(more_after === undefined ? {} : { moreAfter: more_after }) });
  });

  app.all('/batch', (c) => notAllowed(c, 'POST'));
  for (const part of ['status', 'results']) app.all(`/batch/:id/${part}`, (c) => notAllowed(c, 'GET, HEAD'));
}

function answerOf(found: z.output<(typeof getOperations)['output']>): JsonObject {
  const { batch_job_id, status, total, completed: succeeded, failed, outcomes } = found;
  const results = outcomes as unknown as readonly JsonValue[];
  return {
    batchId: batch_job_id,
    status,
    total,
    succeeded,
    failed,
    summary: { total, succeeded, failed },
    results,
  };
}

const addressesOf = (batchId: string) => ({
  statusUrl: `/batch/${batchId}/status`,
  resultsUrl: `/batch/${batchId}/results`,
});
