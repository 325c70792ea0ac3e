import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { visibleText } from './domain/visible-text.ts';
import { nameOf } from './engine/log.ts';
import { createLog } from './log.ts';
import { serveStdio } from './mcp/serve-stdio.ts';
import { createMcpServer } from './mcp/server.ts';
import { operations } from './operations/operations.ts';
import { pageFile } from './page-files.ts';
import { terminalCommand } from './terminal-command.ts';
import { version } from './version.ts';

/** What is under way gets this long when the client is gone, in milliseconds. */
const graceMs = 5000;

/** Serves MCP over stdio until the client is gone. */
export async function runMcp(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const sluice = assemble(config, log);
  const server = createMcpServer({
    version,
    operations,
    context: (call) => sluice.context({ ...call, actor: actorOf(server.getClientVersion()?.name) }),
    batchView: pageFile('chat-view.html'),
    terminalCommand: terminalCommand(config),
    onUnexpected: (error, where) => log.error({ where, error: nameOf(error) }, 'unexpected error'),
  });
  server.oninitialized = () => sluice.resume();
  await serveStdio(server, (error) =>
    log.warn({ error: error.name }, 'what came over stdin could not be taken as a message of MCP'),
  );
  await sluice.close(graceMs);
}

/** What a client calls itself may be anything. */
const actorOf = (client = 'a client') => `${visibleText(client).slice(0, 60)} over MCP`;
