import { afterAll, expect, onTestFinished, vi } from 'vitest';
import type { Host } from '../../src/cli/host.ts';
import { runProgram } from '../../src/cli/program.ts';
import { operations } from '../../src/operations/operations.ts';
import { test } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';
import { pipedTerminal } from '../support/piped-terminal.ts';

let served: Served;

test.beforeEach(async ({ address }) => {
  served ??= await serve(address);
});
afterAll(() => served?.stop());

/** Runs a command line as a person at the machine of the server. */
async function sluice(...args: string[]) {
  const { terminal, said } = pipedTerminal();
  const code = await runProgram(args, {
    terminal,
    version: '0',
    operations,
    open: () => ({ terminal, context: served.sluice.context }) as unknown as Host,
    onUnexpected: (error) => terminal.err.write(String(error)),
  });
  return { code, ...(await said()) };
}

const create = async (...args: string[]) =>
  JSON.parse((await sluice('tokens', 'create', ...args, '--json')).stdout) as { id: string; token: string };
const statusWith = async (token: string) => (await served.request('/api/v1/batches', { token })).status;

test('a token is shown once, opens what is its owner’s, and is kept as a digest', async ({ db }) => {
  const { stdout } = await sluice('tokens', 'create', 'ada', '--label', 'laptop', '--expires', '90d');
  const token = stdout.trimEnd();

  const listed = await sluice('tokens');
  const rows = await db.run((sql) => sql`select t::text as row from access_tokens t`);

  expect(token).toMatch(/^slc_[\w-]{43}$/);
  expect(await statusWith(token)).toBe(200);
  expect(listed.stdout).toMatch(/ada +laptop +\d{4}-\d\d-\d\d/);
  expect(listed.stdout).toContain(token.slice(0, 12));
  expect(listed.stdout).not.toContain(token);
  expect(JSON.stringify(rows)).not.toContain(token);
});

test('a token is alone on stdout, and what is said of it goes to stderr', async () => {
  const made = await sluice('tokens', 'create', 'eve');
  const { id } = await create('eve');
  const rotated = await sluice('tokens', 'rotate', id);
  const forPrograms = await sluice('tokens', 'create', 'eve', '--json');

  expect([made.stdout, rotated.stdout]).toEqual([
    expect.stringMatching(/^slc_[\w-]{43}\n$/),
    expect.stringMatching(/^slc_[\w-]{43}\n$/),
  ]);
  expect(made.stderr).toContain('It is shown this once');
  expect(rotated.stderr).toContain(`The one before, ${id}, ends in`);
  expect(forPrograms.stderr).toBe('');
});

test('a rotated token goes on for its grace, a revoked one ends at once, an expired one is over', async () => {
  const first = await create('bob', '--label', 'ci');
  const { stdout } = await sluice('tokens', 'rotate', first.id, '--grace', '1h', '--json');
  const second = JSON.parse(stdout) as { id: string; token: string; owner: string };
  const both = [await statusWith(first.token), await statusWith(second.token)];

  await sluice('tokens', 'revoke', first.id);
  const third = JSON.parse((await sluice('tokens', 'rotate', second.id, '--grace', '0s', '--json')).stdout);
  const short = await create('bob', '--expires', '1s');

  expect(both).toEqual([200, 200]);
  expect(second.owner).toBe('bob');
  expect(await statusWith(first.token)).toBe(401);
  expect(await statusWith(second.token)).toBe(401);
  expect(await statusWith(third.token)).toBe(200);
  await expect.poll(() => statusWith(short.token)).toBe(401);
});

test('what cannot be a token is refused and nothing is changed', async () => {
  const attempts = [
    ['create', 'Ada Lovelace'],
    ['create', 'ada', '--expires', '90'],
    ['revoke', '00000000'],
    ['revoke', 'ab'],
  ];
  const before = (await sluice('tokens')).stdout;

  const ended = await Promise.all(attempts.map((args) => sluice('tokens', ...args)));

  expect(ended.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
  expect(ended.map(({ stderr }) => stderr)).toEqual([
    expect.stringContaining('small letters'),
    expect.stringContaining('with its unit'),
    expect.stringContaining('No token that is good has an id beginning with 00000000'),
    expect.stringContaining('first 8 or more characters'),
  ]);
  expect((await sluice('tokens')).stdout).toBe(before);
});

test.for(['/sse', '/api/v1/batches/ID/events'])(
  'a stream of %s ends with the token that opened it',
  async (path) => {
    const { id, token } = await create('eve');
    served.write('owners/eve/flows/echo-all.yaml', 'flow: echo-all\ntarget: { connector: echo }\n');
    const batch = {
      method: 'POST',
      token,
      body: { flow: 'echo-all', payloads: [{ n: 1 }, { n: 2 }], batch: { rate: '1/h' }, allow_repeat: true },
    };
    const { batch_job_id } = await served.json('/api/v1/batches', batch);
    // The answers are looked at every ten seconds.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const stream = await served.request(path.replace('ID', batch_job_id), { token });
    const read = stream.text().then(
      () => 'ended',
      () => 'cut',
    );
    await vi.advanceTimersByTimeAsync(10_000);
    await sluice('tokens', 'revoke', id);

    await vi.advanceTimersByTimeAsync(10_000);

    expect(stream.status).toBe(200);
    expect(await read).toBe('cut');
  },
);
