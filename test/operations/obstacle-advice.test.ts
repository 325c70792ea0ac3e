import { chmodSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';

test('a job that waits for a connector names the command that declares it', async ({ db }) => {
  const sluice = await connect(db, {
    'stock.yaml': 'flow: stock\ntarget: { connector: stock, endpoint: /items }\n',
    'connectors.yaml': 'crm: { type: http, base_url: "https://crm.example" }\n',
  });
  onTestFinished(() => sluice.close());
  const remedy =
    'No connector is named stock in connectors.yaml: known here: crm. Ask the person to type `sluice connect stock https://HOST --bearer` at a terminal (with their own target); never ask them for the secret here.';

  const started = await sluice.call('start_batch', { flow_id: 'stock', records: [{ n: 1 }] });
  const { batch_job_id } = started;
  const status = await sluice.call('get_batch_status', { batch_job_id });
  await sluice.call('update_batch', { batch_job_id, action: 'cancel' });
  await sluice.finish(batch_job_id);

  expect(started.next_step).toBe(`The job is accepted and waits: ${remedy}`);
  expect(status.next_step).toContain(`goes on by itself. ${remedy} To give up: update_batch `);
});

test('a job that is held to a rate says so while it runs', async ({ db }) => {
  const sluice = await connect(db, { 'echo.yaml': 'flow: echo\ntarget: echo\nbatch: { rate: 1/s }\n' });
  onTestFinished(() => sluice.close());
  const records = Array.from({ length: 50 }, (_, n) => ({ n }));

  const { batch_job_id } = await sluice.call('start_batch', { flow_id: 'echo', records });
  const { next_step } = await sluice.call('get_batch_status', { batch_job_id });
  await sluice.call('update_batch', { batch_job_id, rate: 'off' });
  await sluice.finish(batch_job_id);

  expect(next_step).toMatch(
    /^Not finished\. It starts 1\/s at most, as was asked for\. Call get_batch_status /,
  );
});

test('a file of connectors that cannot be used is shown by a command, which asks for no secret', async ({
  db,
}) => {
  const sluice = await connect(db, {
    'stock.yaml': 'flow: stock\ntarget: { connector: stock, endpoint: /items }\n',
    'connectors.yaml': 'stock: { type: http, base_url: nowhere }\n',
  });
  onTestFinished(() => sluice.close());

  const { batch_job_id, next_step } = await sluice.call('start_batch', {
    flow_id: 'stock',
    records: [{ n: 1 }],
  });
  await sluice.call('update_batch', { batch_job_id, action: 'cancel' });
  await sluice.finish(batch_job_id);

  expect(next_step).toMatch(/ Ask the person to type `sluice doctor` at a terminal\.$/);
});

test('what only another process lacks is said to be missing there, with the command that gives it to all', async ({
  db,
}) => {
  const sluice = await connect(db, {
    'stock.yaml': 'flow: stock\ntarget: { connector: stock, endpoint: /items }\n',
    'connectors.yaml':
      'stock: { type: http, base_url: "https://stock.example", auth: { type: bearer, token_env: STOCK_TOKEN } }\n',
  });
  onTestFinished(() => sluice.close());
  const { batch_job_id } = await sluice.call('start_batch', { flow_id: 'stock', records: [{ n: 1 }] });
  await sluice.engine.stop(0);
  chmodSync(sluice.write('secrets.env', 'STOCK_TOKEN=abc\n'), 0o600);

  const { next_step } = await sluice.call('get_batch_status', { batch_job_id });

  expect(next_step).toContain(
    'Set it in the environment or in secrets.env. Nothing is missing in the process that answers here, only in the one that takes up jobs in the background. What `sluice connect stock` keeps in secrets.env is read by every process; `sluice stop` ends that one, and the next start brings one with the environment it has itself.',
  );
});
