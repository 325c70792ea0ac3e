import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect } from 'vitest';
import { builtServer } from '../support/built-server.ts';
import { test, urlOf } from '../support/database.ts';
import { operatorToken } from '../support/http.ts';
import { environmentOf } from '../support/sluice-process.ts';

const home = mkdtempSync(join(tmpdir(), 'sluice-stop-'));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

async function start(args: readonly string[], env: Record<string, string>, databaseUrl?: string) {
  const child = spawn(process.execPath, [await builtServer(), 'serve', ...args], {
    env: environmentOf({ home, databaseUrl, env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return { child, ended };
}

/** What a server that does not start says, and its exit code. */
async function refusal(args: readonly string[], env: Record<string, string> = {}) {
  const { child, ended } = await start(args, env);
  const said = child.stderr === null ? '' : await text(child.stderr);
  return { ...(await ended), said };
}

test('a signal ends the server with streams and connections open: within its grace, exit 0', async ({
  address,
}) => {
  const { child, ended } = await start(['--port', '0'], { SLUICE_TOKEN: operatorToken }, urlOf(address));
  const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  const url = /http:\S+/.exec(String(line))?.[0] ?? '';
  const headers = { authorization: `Bearer ${operatorToken}` };
  const streams = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/sse`, { headers })));
  const readers = streams.map(({ body }) => body?.getReader());
  await Promise.all(readers.map((reader) => reader?.read()));
  await fetch(`${url}/mcp`, { headers });

  const beganAt = performance.now();
  child.kill('SIGTERM');
  const over = await Promise.all(
    readers.map((reader) =>
      reader?.read().then(
        ({ done }) => done,
        () => true,
      ),
    ),
  );
  const exit = await ended;

  expect(exit).toEqual({ code: 0, signal: null });
  expect(over.every(Boolean)).toBe(true);
  expect(performance.now() - beganAt).toBeLessThan(5000);
}, 60_000);

test('a server that would be open, or has nowhere to listen, does not start, and says what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };

  const [unprotected, short, taken, tooHigh, wrong, half] = await Promise.all([
    refusal(['--host', '0.0.0.0', '--port', '0']),
    refusal(['--host', '0.0.0.0', '--port', '0'], { SLUICE_TOKEN: 'too-short' }),
    refusal(['--port', String(port)]),
    refusal(['--port', '65536']),
    refusal(['--prot', '0']),
    refusal(['--port', '0'], { SLUICE_OAUTH_ISSUER: 'https://id.example.com' }),
  ]);
  other.close();

  expect([unprotected, short, taken, tooHigh, wrong, half].map(({ code }) => code)).toEqual([
    2, 2, 2, 2, 2, 2,
  ]);
  expect(unprotected.said).toMatch(/Without a token.*SLUICE_TOKEN/);
  expect(short.said).toMatch(/SLUICE_TOKEN: must have 32 characters/);
  expect(short.said).not.toContain('too-short');
  expect(taken.said).toMatch(/another program listens there.*--port/);
  expect(tooHigh.said).toMatch(/--port: "65536" is no port.*65535/);
  expect(wrong.said).toMatch(/Usage: sluice serve/);
  expect(half.said).toMatch(/SLUICE_OAUTH_AUDIENCE/);
});
