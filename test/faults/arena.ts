import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { test as base, inject } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { openDatabase } from '../support/database.ts';
import { endProcessesOf, type SluiceProcess, startSluice } from '../support/sluice-process.ts';
import { type Hit, type Mode, startTarget, type Target } from '../support/target.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** A database, a home with a flow, the target of that flow, and the processes started on them. */
export interface Arena {
  readonly home: string;
  /** The test's own look into the database: never through what is under test. */
  readonly db: Database;
  /** DATABASE_URL of the processes. */
  readonly databaseUrl: string;
  /** What that leads through. */
  readonly proxy: TcpProxy;
  /** What the flow `import` calls; the witness of what was really done. */
  readonly target: Target;
  /** How the target answers; 200 after 5 ms unless set. */
  answer: (hit: Hit) => Mode;
  start(env?: Readonly<Record<string, string>>): Promise<SluiceProcess>;
}

/** Each test has an arena of its own, so that no server takes up the job of another test. */
export const test = base.extend<{ arena: Arena }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  arena: async ({}, use) => {
    const name = `faults_${randomUUID().replaceAll('-', '')}`;
    const address = { ...inject('postgres'), database: name };
    const { host, port, user } = address;
    const proxy = await startTcpProxy(
      host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
    );
    const databaseUrl = `postgres://${user}:${address.password ?? ''}@127.0.0.1:${proxy.port}/${name}`;
    await asAdmin(`create database ${name} template ${inject('templateDatabase')}`);
    const db = openDatabase(address);
    let answer: Arena['answer'] = () => ({ kind: 'ok', delayMs: 5 });
    const target = await startTarget({ answer: (hit) => answer(hit) });
    const home = makeHome(target.url);
    const started: SluiceProcess[] = [];

    await use({
      home,
      db,
      databaseUrl,
      proxy,
      target,
      get answer() {
        return answer;
      },
      set answer(given) {
        answer = given;
      },
      async start(env = {}) {
        const sluice = await startSluice({ home, databaseUrl, env });
        started.push(sluice);
        return sluice;
      },
    });

    await Promise.all(started.map((sluice) => sluice.kill()));
    await endProcessesOf(home);
    await target.close();
    await db.close();
    await proxy.close();
    await asAdmin(`drop database ${name} with (force)`);
    rmSync(home, { recursive: true, force: true });
  },
});

/** A home whose flow `import` sends the field `id` of each record to `targetUrl`. */
export function makeHome(targetUrl: string): string {
  const home = mkdtempSync(join(tmpdir(), 'sluice-faults-'));
  // As root the server runs as another user, who keeps its data here only if it may enter.
  chmodSync(home, 0o711);
  mkdirSync(join(home, 'flows'));
  writeFileSync(
    join(home, 'flows/connectors.yaml'),
    `crm:\n  type: http\n  base_url: ${targetUrl}\n  allow_private: true\n  timeout: 10s\n`,
  );
  writeFileSync(
    join(home, 'flows/import.yaml'),
    [
      'flow: import',
      'version: 1',
      'target: { connector: crm, endpoint: /api/things, method: POST }',
      'mapping:',
      '  id: source.id',
      '',
    ].join('\n'),
  );
  return home;
}

/** A file of `count` records, each with `padding` characters more than its id. */
export function writeRecords(home: string, count: number, padding = 0): string {
  const path = join(home, `records-${count}.ndjson`);
  const more = 'x'.repeat(padding);
  writeFileSync(path, Array.from({ length: count }, (_, id) => `${JSON.stringify({ id, more })}\n`).join(''));
  return path;
}

export const someRecords = (count: number) => Array.from({ length: count }, (_, id) => ({ id }));

async function asAdmin(statement: string): Promise<void> {
  const sql = postgres({ ...inject('postgres'), max: 1, onnotice: () => {} });
  await sql.unsafe(statement);
  await sql.end();
}
