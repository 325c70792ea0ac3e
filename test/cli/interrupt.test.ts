import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTarget, type Target } from '../support/target.ts';
import { type BuiltCommand, openCommand } from './built-command.ts';

let sluice: BuiltCommand;
let target: Target;
let slower: Target;

beforeAll(async () => {
  sluice = await openCommand();
  await sluice.run(['init']);
  target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 100 }) });
  slower = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 3000 }) });
  const flows = join(sluice.home, 'flows');
  writeFileSync(
    join(flows, 'connectors.yaml'),
    Object.entries({ slow: target, slower })
      .map(([name, { url }]) => `${name}:\n  type: http\n  base_url: ${url}\n  allow_private: true\n`)
      .join(''),
  );
  for (const name of ['slow', 'slower']) {
    writeFileSync(
      join(flows, `${name}.yaml`),
      `flow: ${name}\ntarget: { connector: ${name}, endpoint: /api }\nmapping:\n  id: source.id\n`,
    );
  }
  const rows = Array.from({ length: 500 }, (_, at) => JSON.stringify({ id: `r${at}` }));
  writeFileSync(join(sluice.home, 'rows.ndjson'), rows.join('\n'));
});
afterAll(async () => {
  await sluice.close();
  await target.close();
  await slower.close();
});

const statusOf = async () => JSON.parse((await sluice.run(['status', '--json'])).stdout);

test('the first Ctrl-C pauses the job, the second cancels it', async () => {
  const running = sluice.begin(['start', 'slow', 'rows.ndjson', '--concurrency', '2']);
  await running.hasSaid('Batch job');

  running.signal('SIGINT');
  await running.hasSaid('Paused with');
  const paused = await statusOf();
  running.signal('SIGINT');
  const { code, stdout, stderr } = await running.ended;

  expect(paused.status).toBe('paused');
  expect(stderr).toContain('sluice resume');
  expect(stdout).toContain('cancelled');
  expect(stdout).toContain('skipped');
  expect(code).toBe(1);
});

test('the third Ctrl-C leaves a cancelled job while it ends', async () => {
  const running = sluice.begin(['start', 'slower', 'rows.ndjson', '--concurrency', '2']);
  await running.hasSaid('Batch job');
  await slower.reached(1);

  running.signal('SIGINT');
  await running.hasSaid('Paused with');
  running.signal('SIGINT');
  await running.hasSaid('Cancelled');
  running.signal('SIGINT');
  const { code, stdout } = await running.ended;

  expect(stdout).toMatch(/^Left while it ends: what this process has under way gets 5 s/);
  expect(stdout).not.toContain('Goes on');
  expect(code).toBe(1);
});

test('Ctrl-C does not cancel a job that waits for something, unless it has said that it would', async () => {
  writeFileSync(
    join(sluice.home, 'flows', 'asked.yaml'),
    'flow: asked\nconfirm: human\ntarget: { connector: slow, endpoint: /api }\nmapping:\n  id: source.id\n',
  );
  const running = sluice.begin(['start', 'asked', 'rows.ndjson']);
  await running.hasSaid('Waiting');

  running.signal('SIGINT');
  await running.hasSaid('Stands still already');
  const waiting = await statusOf();
  running.signal('SIGTERM');
  const { stdout } = await running.ended;

  expect(waiting.status).toBe('paused');
  expect(stdout).toContain('Left waiting');
  expect(stdout).toContain('sluice approve');
  await sluice.run(['cancel', waiting.batch_job_id]);
});

test('Ctrl-C stops looking at a job that another process runs, and leaves the job alone', async () => {
  const before = target.hits.length;
  await sluice.run(['start', 'slow', 'rows.ndjson', '--concurrency', '2', '--detach']);
  await target.reached(before + 1);
  const looking = sluice.begin(['status', '--wait']);
  await looking.hasSaid(' of 500');

  looking.signal('SIGINT');
  const { code, stdout, stderr } = await looking.ended;
  const after = await statusOf();
  await sluice.run(['cancel', '--now']);

  expect(stdout).toContain('Goes on in the background');
  expect(stderr).not.toContain('Paused');
  expect(code).toBe(1);
  expect(after.status).toBe('processing');
});

test('Ctrl-C pauses a job that is run by the command that looks at it', async () => {
  const env = { SLUICE_BACKGROUND: 'off' };
  // What earlier commands have left running would take the job.
  await sluice.run(['stop']);
  await sluice.run(['start', 'slow', 'rows.ndjson', '--concurrency', '2', '--detach', '--allow-repeat'], {
    env,
  });
  const running = sluice.begin(['status', '--wait'], env);
  await running.hasSaid(' of 500');

  running.signal('SIGINT');
  await running.hasSaid('Paused with');
  running.signal('SIGINT');
  const { stdout } = await running.ended;

  expect(stdout).toContain('cancelled');
});

test('a job goes on when nobody reads its progress any more', async () => {
  const running = sluice.begin(['start', 'slow', 'rows.ndjson', '--concurrency', '10']);
  await running.hasSaid('Batch job');

  running.closeStderr();
  const { code, stdout } = await running.ended;

  expect(stdout).toContain('completed  500 of 500 records');
  expect(code).toBe(0);
});

test('a command that has to end leaves its job to the background', async () => {
  const running = sluice.begin(['start', 'slow', 'rows.ndjson', '--concurrency', '20']);
  await running.hasSaid('Batch job');

  running.signal('SIGTERM');
  const { code, stdout } = await running.ended;
  const end = await sluice.run(['status', '--wait', '--json']);

  expect(stdout).toContain('Goes on in the background');
  expect(code).toBe(1);
  expect(JSON.parse(end.stdout)).toMatchObject({ status: 'completed', total: 500 });
});

test('nothing is said of how many records run at once where none runs', async () => {
  await sluice.run(['start', 'slow', 'rows.ndjson', '--detach', '--allow-repeat']);

  const said = [(await sluice.run(['pause'])).stdout, (await sluice.run(['cancel'])).stdout];

  expect(said).toEqual([
    expect.stringMatching(/^Batch job \S+: paused\n/),
    expect.stringMatching(/^Batch job \S+: cancelled\n/),
  ]);
});
