import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { onClose } from './resources.ts';
import { WholeLines } from './whole-lines.ts';

/** How often it is looked whether the process that started this one is still there, in milliseconds. */
const parentLookMs = 2000;

/** A message may be as large as this: what is too much for an operation is refused by it, in words. */
const maxMessageBytes = 32 * 1024 * 1024;

/**
 * Speaks MCP over stdin and stdout until the client is gone: its end of stdin closes, the transport
 * closes (a message over its limit), a signal comes, or the parent process ends.
 *
 * `onUnread` is told of a line that is no message, and of one that is too large.
 */
export async function serveStdio(server: Server, onUnread: (error: Error) => void): Promise<void> {
  const lines = process.stdin.on('error', onUnread).pipe(new WholeLines(maxMessageBytes));
  const transport = new StdioServerTransport(lines, process.stdout, { maxBufferSize: maxMessageBytes });
  server.onerror = onUnread;
  const gone = clientGone(server);
  await server.connect(transport);
  await gone;
}

function clientGone(server: Server): Promise<void> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    const leave = () => {
      clearInterval(looking);
      resolve();
    };
    // The end of stdin is not always delivered when a client is killed.
    const looking = setInterval(() => process.ppid !== parent && leave(), parentLookMs);
    process.stdin.once('end', leave).once('close', leave);
    process.once('SIGTERM', leave).once('SIGINT', leave).once('SIGHUP', leave);
    // Every later write fails as well, and an error nobody listens to would end the process at once.
    process.stdout.on('error', leave);
    onClose(server, leave);
  });
}
