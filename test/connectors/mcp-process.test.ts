import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ToolAnswer } from '../../src/connectors/mcp-answer.ts';
import { McpProcess } from '../../src/connectors/mcp-process.ts';
import { SessionKeeper } from '../../src/connectors/mcp-restarts.ts';
import { type Failure, RecordFailure } from '../../src/domain/failure.ts';
import { until } from '../faults/until.ts';
import { failureOf, isAlive, type McpUnderTest, openMcp, server } from './open-mcp.ts';

const odd = (oddity: string) => openMcp(server('odd.mjs', oddity));

async function pidOf(crm: McpUnderTest): Promise<number> {
  return ((await crm.use('process')) as { pid: number }).pid;
}

async function areGone(...pids: number[]): Promise<boolean> {
  return (await Promise.all(pids.map(isAlive))).every((alive) => !alive);
}

const isGone = (folder: string) => !existsSync(folder);

/** Repeats a call as the engine would: transient failures only, and not before they allow it. */
async function withRetries(call: () => Promise<unknown>, note: (failure: Failure) => void): Promise<unknown> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof RecordFailure) || error.failure.class !== 'transient') throw error;
      note(error.failure);
      await pause(error.failure.retryAfterMs ?? 0);
    }
  }
}

test('a server that ends during a call may have acted on it, and its last words are kept', async () => {
  const crm = openMcp({ ...server('crm.mjs') });

  expect(await failureOf(crm.use('exit'))).toEqual({
    class: 'transient',
    code: 'mcp_server_ended',
    connector: 'crm',
    message: 'crm ended while the tool exit was under way',
    untrustedMessage: 'out of memory: 0xdead',
    step: 'send',
    maybeApplied: true,
  });
  expect(await crm.use('create_customer', { id: 1 })).toEqual({ id: 1 });
});

test('a whole number beyond 2^53 comes as the text of its digits', async () => {
  expect(await odd('big-number').use('call')).toEqual({ id: '12345678901234567890' });
});

test('a lost answer of a tool that only reads, or may be repeated, is no doubt', async () => {
  const failure = await failureOf(openMcp(server('crm.mjs')).use('exit_harmless'));

  expect(failure).toMatchObject({ class: 'transient', code: 'mcp_server_ended' });
  expect(failure).not.toHaveProperty('maybeApplied');
});

test('the next call after an end starts one new server for all who wait', async () => {
  const crm = openMcp(server('crm.mjs'));
  const before = await pidOf(crm);
  await failureOf(crm.use('exit'));

  const pids = await Promise.all(Array.from({ length: 10 }, () => pidOf(crm)));

  expect(new Set(pids).size).toBe(1);
  expect(pids[0]).not.toBe(before);
  expect(await isAlive(before)).toBe(false);
});

test('a server that dies at once again and again is given a growing pause', async () => {
  const crm = odd('dies');
  const starts: Failure[] = [];
  const waits: number[] = [];
  while ((waits.at(-1) ?? 0) < 300) {
    // A timer may end a moment early, and the call be told to wait for that moment.
    await pause((waits.at(-1) ?? 0) + 5);
    let failure = await failureOf(crm.use('call'));
    for (; failure.maybeApplied === true; failure = await failureOf(crm.use('call'))) starts.push(failure);
    waits.push(failure.retryAfterMs ?? 0);
  }

  const refused = await Promise.all(Array.from({ length: 100 }, () => failureOf(crm.use('call'))));

  // The first end costs no time, so the second start follows at once.
  expect(starts).toHaveLength(waits.length + 1);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  for (const failure of refused) {
    expect(failure).toMatchObject({
      class: 'transient',
      code: 'mcp_server_ended',
      message: 'crm ended again and again before it answered a call; it is given a pause',
      retryAfterMs: expect.any(Number),
    });
    expect(failure).not.toHaveProperty('maybeApplied');
  }
});

test('a server that ends while it starts says why, without our secrets', async () => {
  const target = { ...server('odd.mjs', 'dies-at-start'), env: { CRM_KEY: 'KEY' } };
  const crm = openMcp(target, { variables: { KEY: 'S3CR3T' } });

  for (let at = 0; at < 3; at++) {
    const failure = await failureOf(crm.use('call'));
    expect(failure).toMatchObject({
      class: 'transient',
      code: 'mcp_not_started',
      message: 'crm ended while it started',
      untrustedMessage: 'no token, and [secret] is wrong',
    });
    expect(failure).not.toHaveProperty('maybeApplied');
  }
});

test.each([
  ['a program that is not there', { command: 'sluice-no-such-program', args: [] }],
  ['a folder that is not there', { ...server('crm.mjs'), cwd: '/no/such/folder' }],
])('%s is said', async (_, target) => {
  expect(await failureOf(openMcp(target).use('call'))).toEqual({
    class: 'transient',
    code: 'mcp_not_started',
    connector: 'crm',
    message: 'crm could not be started: its command or folder is not there',
    step: 'send',
  });
});

test('lines that are no messages are passed over', async () => {
  expect(await odd('junk').use('call')).toBe('fine');
});

test.each([true, false])(
  'a line of 10 MiB fails only the call it answers, with the id first: %s',
  async (first) => {
    const crm = odd('long-line');

    const failures = await Promise.all([
      failureOf(crm.use('call', { first })),
      failureOf(crm.use('call', { first })),
    ]);

    for (const failure of failures) {
      expect(failure).toEqual({
        class: 'data',
        code: 'response_too_large',
        connector: 'crm',
        message: 'crm answered the tool call with more than 8 MiB',
        step: 'send',
        maybeApplied: true,
      });
    }
  },
);

test.each(['unreadable', 'deep'])('an answer that is %s fails its call', async (oddity) => {
  expect(await failureOf(odd(oddity).use('call'))).toMatchObject({
    class: 'transient',
    code: 'response_invalid',
    maybeApplied: true,
  });
});

test('neither an odd list of tools nor odd content keeps a tool from being called', async () => {
  expect(await odd('bad-list').use('call')).toEqual([{ type: 'hologram', depth: 3 }]);
  expect(await odd('no-list').use('call')).toBe('fine');
});

test('a flood of notifications neither blocks nor breaks anything', async () => {
  const crm = openMcp(server('crm.mjs'));
  await crm.use('say', { text: '' });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();

  const [flooded, other] = await Promise.all([
    crm.use('flood', { times: 200_000 }),
    crm.use('create_customer', { id: 1 }),
  ]);

  delay.disable();
  expect([flooded, other]).toEqual([{ times: 200_000 }, { id: 1 }]);
  expect(delay.max / 1e6).toBeLessThan(1_000);
});

test('a server that asks and does not read gets fewer answers than it asks for', async () => {
  const crm = odd('asks-and-does-not-read');

  const { pid } = (await crm.use('call')) as { pid: number };
  process.kill(pid, 'SIGUSR2');

  const { refusals } = (await crm.use('call', { count: true })) as { refusals: number };
  expect(refusals).toBeGreaterThan(1_000);
  expect(refusals).toBeLessThan(15_000);
});

test('the children of a server that dies die with it', async () => {
  const crm = openMcp(server('crm.mjs', '--stubborn'));
  const child = ((await crm.use('child')) as { pid: number }).pid;

  await failureOf(crm.use('exit'));

  await until('the child is gone', () => areGone(child));
});

test('a server that heeds the end of its input ends at once, and its folder goes with it', async () => {
  const crm = openMcp(server('crm.mjs'));
  const { pid, cwd } = (await crm.use('process')) as unknown as { pid: number; cwd: string };
  const start = performance.now();

  await crm.close();

  expect(performance.now() - start).toBeLessThan(1000);
  expect(await isAlive(pid)).toBe(false);
  await until('the folder is gone', () => isGone(cwd));
});

describe.concurrent('what takes its time', () => {
  test('two hundred calls over a server that dies at every twentieth all succeed when they are repeated', async ({
    onTestFinished,
  }) => {
    const crm = openMcp(
      server('crm.mjs', '--dies-every=20'),
      { settings: { concurrency: 5 } },
      onTestFinished,
    );
    const failures: Failure[] = [];
    const call = (id: number) =>
      withRetries(
        () => crm.use('create_customer', { id }),
        (failure) => void failures.push(failure),
      );

    const results = await Promise.all(Array.from({ length: 200 }, (_, id) => call(id)));

    expect(results).toEqual(Array.from({ length: 200 }, (_, id) => ({ id })));
    expect(failures.length).toBeGreaterThanOrEqual(10);
    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['mcp_server_ended']));
  });

  test('a program that is no server is given up at the deadline of the call, and ended', async ({
    onTestFinished,
  }) => {
    const crm = openMcp(
      { command: 'sleep', args: ['1000'] },
      { settings: { timeoutMs: 200 } },
      onTestFinished,
    );

    const failure = await failureOf(crm.use('call'));

    expect(failure).toMatchObject({
      class: 'transient',
      code: 'mcp_not_started',
      message: 'crm was not ready within 0.2 s',
    });
    expect(failure).not.toHaveProperty('maybeApplied');
  });

  test('a server that hangs is ended after a call has timed out, and the next one is served', async ({
    onTestFinished,
  }) => {
    const crm = openMcp(server('odd.mjs', 'hangs'), {}, onTestFinished);
    const pid = Number(await crm.use('call'));

    expect(await failureOf(crm.use('call', { now: true }, { timeoutMs: 200 }))).toMatchObject({
      code: 'timeout',
      maybeApplied: true,
    });

    await until('it is gone', () => areGone(pid));
    expect(Number(await crm.use('call'))).not.toBe(pid);
  });

  test('a server that nobody calls any more is ended, and started again by the next call', async ({
    onTestFinished,
  }) => {
    const program = { ...server('crm.mjs'), env: {}, cwd: undefined };
    const keeper = new SessionKeeper(() => new McpProcess(program), '1', 100);
    onTestFinished(() => keeper.close());
    const signal = new AbortController().signal;
    const ask = async () => (await keeper.session()).call('process', {}, signal);
    const pidIn = ({ structuredContent }: ToolAnswer) => (structuredContent as { pid: number }).pid;
    const first = pidIn(await keeper.during(ask));

    await until('it is gone', () => areGone(first));

    expect(pidIn(await keeper.during(ask))).not.toBe(first);
  });

  test('a line without an end takes no memory', async ({ onTestFinished }) => {
    const crm = openMcp(server('odd.mjs', 'endless-line'), {}, onTestFinished);
    const before = process.memoryUsage.rss();

    const failure = await failureOf(crm.use('call', {}, { timeoutMs: 1_000 }));

    expect(failure.code).toBe('timeout');
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  });

  test('at the end nothing is left of a server that heeds neither its input nor SIGTERM, nor of its children', async ({
    onTestFinished,
  }) => {
    const crm = openMcp(server('crm.mjs', '--stubborn'), {}, onTestFinished);
    const pid = await pidOf(crm);
    const child = ((await crm.use('child')) as { pid: number }).pid;
    expect(await Promise.all([isAlive(pid), isAlive(child)])).toEqual([true, true]);

    await crm.close();

    await until('both are gone', () => areGone(pid, child), 1_000);
  });

  test('a close while the server starts leaves nothing behind', async ({ onTestFinished }) => {
    const crm = openMcp(server('crm.mjs', '--stubborn'), {}, onTestFinished);
    const call = failureOf(crm.use('process'));
    await pause(30);

    await crm.close();

    expect(await call).toMatchObject({ class: 'transient' });
  });

  test.for(['stay', 'end'])(
    'a stubborn server ends after its owner, who is killed or just ends: %s',
    async (way, { onTestFinished }) => {
      const script = resolve(import.meta.dirname, 'mcp-servers/owner.ts');
      const owner = spawn(process.execPath, ['--import', 'tsx', script, way], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void owner.kill('SIGKILL'));
      const ended = once(owner, 'exit');
      const [line] = (await once(owner.stdout, 'data')) as [Buffer];
      const { pids, cwd } = JSON.parse(line.toString()) as { pids: number[]; cwd: string };

      if (way === 'stay') owner.kill('SIGKILL');
      await ended;

      await until('both are gone', () => areGone(...pids), 10_000);
      await until('the folder is gone', () => isGone(cwd));
    },
  );
});
