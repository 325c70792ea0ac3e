import type { Command as Commander } from 'commander';
import { groups } from './command.ts';

/** Tells the help of the commands that `main.ts` runs without this program. */
export function addServers(program: Commander): void {
  const add = (name: string, description: string) =>
    program.command(name).description(description).helpGroup(groups.servers);
  add('mcp', 'serve a chat client over stdio');
  add('serve', 'serve the page, the API and MCP over HTTP')
    .option('--host <address>', 'address to listen at; else SLUICE_HOST, or 127.0.0.1')
    .option('--port <n>', 'its port; else SLUICE_PORT, or 7411');
  add('run', 'finish jobs that no other process runs, then end');
}
