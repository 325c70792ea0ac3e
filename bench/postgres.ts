import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import {
  ensureEmbeddedPostgres,
  type PostgresAddress,
  stopEmbeddedPostgres,
} from '../src/store/embedded/embedded-postgres.ts';
import type { Ending } from './ending.ts';

/** A Postgres to measure on: the embedded one, as Sluice tunes it, in a home of its own. */
export interface Postgres {
  readonly version: string;
  /** Makes an empty database. */
  create(): Promise<{ readonly url: string; readonly drop: () => Promise<void> }>;
}

/** `transport`: default: as Sluice reaches its own one; `loopback`: for drivers that take no URL with a socket. */
export async function startPostgres(ending: Ending, transport?: 'loopback'): Promise<Postgres> {
  const home = makeHome(ending);
  const starting = ensureEmbeddedPostgres({ home, ...(transport && { transport }) });
  ending.add(async () => {
    await starting;
    await stopEmbeddedPostgres(home);
  });
  const address = await starting;
  const admin = postgres({ ...address, max: 1, onnotice: () => {} });
  ending.add(() => admin.end({ timeout: 1 }));
  const [server] = await admin<{ server_version: string }[]>`show server_version`;
  let count = 0;

  return {
    version: server?.server_version ?? 'unknown',
    async create() {
      const name = `bench_${++count}`;
      await admin.unsafe(`create database ${name}`);
      // What the one before left to be written out is not counted against this one.
      await admin.unsafe('checkpoint');
      return {
        url: urlOf({ ...address, database: name }),
        drop: async () => {
          await admin.unsafe(`drop database ${name} with (force)`);
        },
      };
    },
  };
}

/** A fresh SLUICE_HOME in a folder that Postgres' own user can enter as well. */
export function makeHome(ending: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  chmodSync(folder, 0o711);
  ending.add(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'home');
}

function urlOf({ host, port, user, password = '', database }: PostgresAddress): string {
  if (host.startsWith('/')) return `postgres://${user}@localhost:${port}/${database}?host=${host}`;
  return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
}
