import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import { type PostgresAddress, stopEmbeddedPostgres } from '../../../src/store/embedded/embedded-postgres.ts';

export const asRoot = process.geteuid?.() === 0;

/** A folder for one test that every OS user can enter; removed at the test's end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A home that is not there yet; its server is stopped at the test's end. */
export function temporaryHome(parent = temporaryFolder()): string {
  const home = join(parent, 'home');
  onTestFinished(async () => {
    await stopEmbeddedPostgres(home);
  });
  return home;
}

/** Runs one statement on a connection of its own. */
export async function query(address: PostgresAddress, statement: string): Promise<Record<string, unknown>[]> {
  const sql = postgres({ ...address, max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
