import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';
import { type RawServer, startRawServer, startRawServerUnderShell } from '../support/raw-server.ts';
import { test } from './arena.ts';

const garbage = [
  'hello',
  '{',
  '[]',
  'null',
  '42',
  '{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
  '{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
  '{"jsonrpc":"2.0","id":2,"method":7}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}',
  '{"jsonrpc":"2.0","id":77,"result":{}}',
  '\u0000\u0001\u0002',
  '\r',
  '',
  `{"a":${'['.repeat(20_000)}`,
  '"'.repeat(1000),
];

const isMessage = (line: string) => JSON.parse(line).jsonrpc === '2.0';

async function stillAnswers(server: RawServer): Promise<void> {
  const answer = await server.ask(1000, 'tools/list');
  expect(answer).toMatchObject({ result: { tools: expect.any(Array) } });
  expect(server.lines.every(isMessage)).toBe(true);
}

test.concurrent('lines that are no messages do not hurt, and stdout holds nothing but messages', async ({
  arena,
}) => {
  const server = await startRawServer(arena);
  await server.initialize();

  for (const line of garbage) server.write(`${line}\n`);
  await stillAnswers(server);
  const unknown = await server.ask(1001, 'no/such/method');

  expect(unknown).toMatchObject({ error: { code: -32601 } });
  server.child.stdin.end();
  await server.exited;
});

test.concurrent('a message that comes in many pieces is one message', async ({ arena }) => {
  const server = await startRawServer(arena);
  await server.initialize();

  const answered = server.ask(7, 'ping');
  for (const letter of '{"jsonrpc":"2.0","id":8,"method":"ping"}\r\n') server.write(letter);
  await answered;
  await stillAnswers(server);

  expect(server.lines.some((line) => JSON.parse(line).id === 8)).toBe(true);
  server.child.stdin.end();
  await server.exited;
});

test.concurrent('a thousand calls at once are all answered', async ({ arena }) => {
  const server = await startRawServer(arena);
  await server.initialize();

  const calls = Array.from({ length: 1000 }, (_, id) =>
    server.ask(id + 1, 'tools/call', { name: 'list_batch_jobs', arguments: { limit: 1 } }),
  );
  const answers = await Promise.all(calls);

  expect(answers.every((answer) => 'result' in answer)).toBe(true);
  server.child.stdin.end();
  await server.exited;
});

test.concurrent('a line of more than 32 MiB ends the server', async ({ arena }) => {
  const server = await startRawServer(arena);
  await server.initialize();

  server.write('x'.repeat(33 * 1024 * 1024));

  await server.exited;
  expect(server.lines.every(isMessage)).toBe(true);
});

test.concurrent('a call with more than may be inline is refused in words, and the server goes on', async ({
  arena,
}) => {
  const server = await startRawServer(arena);
  await server.initialize();

  const records = [{ text: 'x'.repeat(11 * 1024 * 1024) }];
  const given = { name: 'start_batch', arguments: { flow_id: 'any', records } };
  const answer = await server.ask(9, 'tools/call', given);
  await stillAnswers(server);

  expect(JSON.stringify(answer)).toContain('more than 4 MB inline');
  server.child.stdin.end();
  await server.exited;
});

test.concurrent('a server ends with its client: when stdin ends, and when nobody reads stdout', async ({
  arena,
}) => {
  const [deaf, mute] = await Promise.all([startRawServer(arena), startRawServer(arena)]);
  await Promise.all([deaf.initialize(), mute.initialize()]);

  deaf.child.stdin.end();
  mute.child.stdout.destroy();
  mute.write('{"jsonrpc":"2.0","id":5,"method":"ping"}\n');

  expect(await deaf.exited).toBe(0);
  await mute.exited;
});

test.concurrent('a server whose parent is gone ends, although its stdin stays open', async ({ arena }) => {
  const server = await startRawServerUnderShell(arena);
  await server.initialize();

  server.child.kill('SIGKILL');

  // stdout is closed by the last process that holds it: the server.
  await server.exited;
});

test.concurrent('a model is told what a person types where no command sluice is installed', async ({
  arena,
}) => {
  const sluice = await arena.start();

  const instructions = sluice.client.getInstructions() ?? '';
  const [, command = '', home] =
    /does not know the command sluice, it is: (.+), with SLUICE_HOME=(\S+) set$/.exec(instructions) ?? [];
  const [node = '', main = ''] = command.split(' ');
  const help = execFileSync(node, [main, 'connect', '--help'], { encoding: 'utf8' });

  expect(home).toBe(arena.home);
  expect(help).toContain('Usage: sluice connect');
});
