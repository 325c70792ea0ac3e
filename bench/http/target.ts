// A local target in a process of its own: answers every POST after 2 ms.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const delayMs = 2;
const answer = '{"ok":true}';

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
      response.end(answer);
    }, delayMs);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit());
