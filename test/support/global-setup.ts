import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { ensureEmbeddedPostgres, stopEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';

const templateDatabase = 'sluice_template';

/** What these databases hold need not outlive the machine: tests of that have servers of their own. */
const settings = ['fsync = off', 'full_page_writes = off', 'synchronous_commit = off'];

/** Starts one Postgres for the whole run and migrates the database that every test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  // As root the server runs as another user, who keeps its data here only if it may enter.
  chmodSync(home, 0o711);
  const address = await ensureEmbeddedPostgres({ home });
  const admin = postgres({ ...address, max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${templateDatabase}`);
  for (const setting of settings) await admin.unsafe(`alter system set ${setting}`);
  await admin`select pg_reload_conf()`;
  await admin.end();
  await migrateDatabase({ ...address, database: templateDatabase });
  project.provide('postgres', address);
  project.provide('templateDatabase', templateDatabase);

  return async () => {
    await stopEmbeddedPostgres(home);
    rmSync(home, { recursive: true, force: true });
  };
}
