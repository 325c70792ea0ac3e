// A server that does not keep to the protocol, in the way its first argument names.
import { createInterface } from 'node:readline';

const oddity = process.argv[2];
const send = (message) =>
  process.stdout.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
const answer = (id, result) => send({ jsonrpc: '2.0', id, result });

if (oddity === 'dies-at-start') {
  process.stderr.write(`no token, and ${process.env.CRM_KEY ?? 'no key'} is wrong\n`);
  process.exit(1);
}
if (oddity === 'closes-stdout') process.stdout.destroy();

const calls = {
  'big-number'(id) {
    process.stdout.write(
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"id":12345678901234567890}}}\n`,
    );
  },
  junk(id) {
    send('Debug: about to answer');
    send('');
    send('{"half": ');
    send('[1, 2]');
    answer(id, { content: [{ type: 'text', text: 'fine' }] });
  },
  'long-line'(id, { first }) {
    const result = { content: [{ type: 'text', text: 'x'.repeat(10 * 1024 * 1024) }] };
    send(first ? { jsonrpc: '2.0', id, result } : { result, jsonrpc: '2.0', id });
  },
  'endless-line'(id) {
    const more = () => {
      while (process.stdout.write('y'.repeat(1024 * 1024)));
      process.stdout.once('drain', more);
    };
    more();
    answer(id, {});
  },
  unreadable: (id) => send({ jsonrpc: '2.0', id, result: 'no object', extra: 1 }),
  deep: (id) =>
    send(
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}}`,
    ),
  'bad-list': (id) => answer(id, { content: [{ type: 'hologram', depth: 3 }], structuredContent: null }),
  'no-list': (id) => answer(id, { content: [{ type: 'text', text: 'fine' }] }),
  dies: () => process.exit(7),
  hangs(id, { now }) {
    for (; now; );
    answer(id, { content: [{ type: 'text', text: String(process.pid) }] });
  },
  'asks-and-does-not-read'(id, { count }) {
    if (count) return answer(id, { content: [], structuredContent: { refusals } });
    process.stdin.pause();
    const waiting = setInterval(() => {}, 1_000);
    process.once('SIGUSR2', () => {
      clearInterval(waiting);
      process.stdin.resume();
    });
    for (let at = 0; at < 20_000; at++) send({ jsonrpc: '2.0', id: `r${at}`, method: 'roots/list' });
    answer(id, { content: [], structuredContent: { pid: process.pid } });
  },
};

const lists = {
  'bad-list': (id) =>
    answer(id, {
      tools: [{ name: 'call', inputSchema: 7, outputSchema: { $ref: 'nowhere' }, annotations: 'none' }],
      nextCursor: 'same',
    }),
  'no-list': (id) => send({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no lists' } }),
};

let refusals = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params, error } = JSON.parse(line);
  if (error !== undefined) refusals += 1;
  if (method === 'initialize') {
    const { protocolVersion } = params;
    answer(id, { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'odd', version: '1' } });
  }
  if (method === 'tools/list') {
    const list =
      lists[oddity] ?? (() => answer(id, { tools: [{ name: 'call', inputSchema: { type: 'object' } }] }));
    list(id);
  }
  if (method === 'tools/call') calls[oddity]?.(id, params.arguments);
});
