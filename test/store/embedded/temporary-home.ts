import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { onTestFinished } from 'vitest';
import {
  ensureEmbeddedPostgres,
  type PostgresAddress,
  stopEmbeddedPostgres,
} from '../../../src/store/embedded/embedded-postgres.ts';

export const asRoot = process.geteuid?.() === 0;

/** A folder for one test that every OS user can enter; removed at the test's end. */
export function temporaryFolder(): string {
  const folder = makeFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  chmodSync(folder, 0o755);
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

/** A home whose server ran before and is stopped, like the others of its test file: to make its data takes longest. */
export async function usedHome(): Promise<string> {
  pattern ??= makePattern();
  const home = temporaryHome();
  mkdirSync(home);
  execFileSync('cp', ['-a', `${await pattern}/.`, home]);
  return home;
}

let pattern: Promise<string> | undefined;

async function makePattern(): Promise<string> {
  const folder = makeFolder();
  const home = join(folder, 'home');
  await ensureEmbeddedPostgres({ home });
  await stopEmbeddedPostgres(home);
  return home;
}

/** For the end of each test file with such homes: the next one in this process makes its own. */
export async function removePattern(): Promise<void> {
  const made = pattern;
  pattern = undefined;
  if (made !== undefined) rmSync(join(await made, '..'), { recursive: true, force: true });
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
