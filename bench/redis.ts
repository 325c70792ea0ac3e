import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ending } from './ending.ts';
import { makeHome } from './postgres.ts';

/** Starts a Redis that writes to disk every second; undefined where none is installed. */
export async function startRedis(ending: Ending): Promise<string | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const folder = makeHome(ending);
  mkdirSync(folder);
  const socket = join(folder, 'redis.sock');
  const flags = {
    port: '0',
    unixsocket: socket,
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const ended = once(server, 'exit');
  ending.add(async () => {
    server.kill('SIGKILL');
    await ended;
  });
  for (let tries = 0; !existsSync(socket); tries++) {
    if (tries === 500 || server.exitCode !== null) throw new Error('redis-server does not start');
    await sleep(10);
  }
  return socket;
}
