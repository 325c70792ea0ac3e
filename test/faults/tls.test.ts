import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { certificateFile, startTlsTarget } from '../support/tls-target.ts';
import { type Arena, someRecords, test } from './arena.ts';

const trusting = { NODE_EXTRA_CA_CERTS: certificateFile };

/** Takes records to a target that is called `host`, and says what became of them. */
async function send(
  { arena, onTestFinished }: { arena: Arena } & Pick<TestContext, 'onTestFinished'>,
  host: string,
  env: Record<string, string>,
) {
  const target = await startTlsTarget();
  onTestFinished(() => target.close());
  const file = join(arena.home, 'flows/connectors.yaml');
  const base = `https://${host}:${target.port}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(arena.target.url, base));
  const sluice = await arena.start(env);
  const { batch_job_id } = await sluice.call('start_batch', {
    flow_id: 'import',
    records: someRecords(60),
    concurrency: 5,
  });
  const status = await sluice.call('get_batch_status', { batch_job_id, wait_seconds: 20 });
  return { target, status, answer: JSON.stringify(status) };
}

test.concurrent('calls over TLS share as many connections as are made at once', async ({
  arena,
  onTestFinished,
}) => {
  const { target, status } = await send({ arena, onTestFinished }, 'localhost', trusting);

  expect(status.counts.succeeded).toBe(60);
  expect(target.requests()).toBe(60);
  expect(target.connections()).toBe(5);
});

test.concurrent('a certificate of an unknown authority is refused, and the answer says what makes it known', async ({
  arena,
  onTestFinished,
}) => {
  const { target, answer } = await send({ arena, onTestFinished }, 'localhost', {});

  expect(answer).toMatch(
    /certificate of an authority that is not known here; NODE_EXTRA_CA_CERTS names a file/,
  );
  expect(target.requests()).toBe(0);
});

test.concurrent('a certificate for another name is refused, and the answer says so', async ({
  arena,
  onTestFinished,
}) => {
  const { target, answer } = await send({ arena, onTestFinished }, '127.0.0.1', trusting);

  expect(answer).toContain('certificate for another host name');
  expect(target.requests()).toBe(0);
});
