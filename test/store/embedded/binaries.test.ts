import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { findShipped, makeReady, type Shipped } from '../../../src/store/embedded/binaries.ts';
import { ensureEmbeddedPostgres } from '../../../src/store/embedded/embedded-postgres.ts';
import { runTool } from '../../../src/store/embedded/run-tool.ts';
import { plainUser, standBy } from './processes.ts';
import { asRoot, temporaryFolder } from './temporary-home.ts';

test('a platform without binaries is an error that names DATABASE_URL', async () => {
  const home = join(temporaryFolder(), 'home');

  const failure = await ensureEmbeddedPostgres({ home, platform: 'plan9-mips' }).catch((error) => error);

  expect(failure).toMatchObject({ name: 'SluiceError', code: 'database_unsupported' });
  expect(failure.message).toMatch(/plan9-mips.*DATABASE_URL/);
});

test('links that no install script made are made in place', async () => {
  const folder = temporaryFolder();
  const shipped = installedWithoutScripts(folder);

  const { postgres } = await makeReady(shipped, join(folder, 'base'), undefined);

  expect(postgres.startsWith(shipped.folder)).toBe(true);
  expect(missingLinks(shipped.folder)).toEqual([]);
  expect(await version(postgres, folder)).toContain('(PostgreSQL) 18.');
});

test('programs that an archive has made plain files are made programs again', async () => {
  const folder = temporaryFolder();
  const shipped = installedWithoutScripts(folder);
  const bin = join(shipped.folder, 'bin');
  for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o644);

  const { postgres } = await makeReady(shipped, join(folder, 'base'), undefined);

  expect(postgres.startsWith(shipped.folder)).toBe(true);
  expect(await version(postgres, folder)).toContain('(PostgreSQL) 18.');
});

test('a package that only root can reach is copied for the user of the server', async (context) => {
  if (!asRoot) context.skip('needs root');
  const folder = temporaryFolder();
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const shipped = installedWithoutScripts(closed);
  const base = join(folder, 'base');
  mkdirSync(base);

  const [first, second] = await Promise.all([
    makeReady(shipped, base, plainUser),
    makeReady(shipped, base, plainUser),
  ]);

  expect(first).toEqual(second);
  expect(first.postgres.startsWith(base)).toBe(true);
  expect(await version(first.postgres, folder, plainUser)).toContain('(PostgreSQL) 18.');
});

test('a package that cannot be written to and lacks its links is copied', async () => {
  const folder = temporaryFolder();
  const shipped = installedWithoutScripts(folder);
  chmodSync(join(shipped.folder, 'lib'), 0o555);
  const base = join(folder, 'base');
  mkdirSync(base);
  if (plainUser) chownSync(base, plainUser.uid, plainUser.gid);
  const child = await standBy('make-ready', [shipped.folder, base], plainUser);

  const outcome = await child.go();

  const { postgres } = outcome as unknown as { postgres: string };
  expect(postgres.startsWith(base)).toBe(true);
  expect(await version(postgres, folder, plainUser)).toContain('(PostgreSQL) 18.');
  chmodSync(join(shipped.folder, 'lib'), 0o755);
});

/** A copy of the platform package as `npm ci --ignore-scripts` leaves it. */
function installedWithoutScripts(folder: string): Shipped {
  const original = findShipped();
  const copy = join(folder, 'package', 'native');
  cpSync(original.folder, copy, { recursive: true, verbatimSymlinks: true });
  for (const link of links(copy)) rmSync(link, { force: true });
  return { ...original, folder: copy };
}

function missingLinks(folder: string): string[] {
  return links(folder).filter((link) => !lstatSync(link, { throwIfNoEntry: false }) || !existsSync(link));
}

function links(folder: string): string[] {
  const list: { target: string }[] = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8'));
  return list.map(({ target }) => join(dirname(folder), target));
}

async function version(postgres: string, cwd: string, user = plainUser): Promise<string> {
  const { output } = await runTool(postgres, ['--version'], { user, cwd, timeoutMs: 10_000 });
  return output;
}
