import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  describeEmbedded,
  ensureEmbeddedPostgres,
  stopEmbeddedPostgres,
} from '../../../src/store/embedded/embedded-postgres.ts';
import { findPlace } from '../../../src/store/embedded/place.ts';
import { makeSocketFolder } from '../../../src/store/embedded/socket-folder.ts';
import { plainUser, standBy } from './processes.ts';
import { asRoot, query, temporaryFolder, temporaryHome } from './temporary-home.ts';

test('a home that cannot be made is an error that names the path and both ways out', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');

  const failure = await ensureEmbeddedPostgres({ home: join(file, 'home') }).catch((error) => error);

  expect(failure).toMatchObject({ name: 'SluiceError', code: 'database_unavailable' });
  expect(failure.message).toContain(file);
  expect(failure.message).toMatch(/SLUICE_HOME.*DATABASE_URL/);
});

test('a folder without the right to write is an error to an ordinary user', async () => {
  const parent = temporaryFolder();
  chmodSync(parent, 0o555);
  const child = await standBy('ensure', [join(parent, 'home')], plainUser);

  const outcome = await child.go();

  expect(outcome).toMatchObject({ code: 'database_unavailable' });
  expect(outcome.message).toMatch(/permission denied.*SLUICE_HOME/);
});

test('an ordinary user runs a server of its own', async () => {
  const parent = temporaryFolder();
  if (plainUser) chownSync(parent, plainUser.uid, plainUser.gid);
  const home = temporaryHome(parent);
  const child = await standBy('ensure', [home], plainUser);

  const address = await child.go();

  expect(await query(address, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(statSync(home).mode & 0o777).toBe(0o700);
  expect(statSync(join(home, 'postgres', 'data')).uid).toBe(plainUser?.uid ?? process.geteuid?.());
});

test('the database of another OS user is refused', async (context) => {
  if (!asRoot) context.skip('needs root, to be two users');
  const home = temporaryHome();
  await ensureEmbeddedPostgres({ home });
  const child = await standBy('ensure', [home], plainUser);

  const outcome = await child.go();

  expect(outcome).toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('SLUICE_HOME'),
  });
});

test('a home whose path is too long for a socket gets one in a private folder elsewhere', async () => {
  const parent = join(temporaryFolder(), 'long'.repeat(20), 'path'.repeat(20));
  mkdirSync(parent, { recursive: true });
  const home = temporaryHome(parent);

  const address = await ensureEmbeddedPostgres({ home });
  onTestFinished(() => rmSync(address.host, { recursive: true }));
  const found = await ensureEmbeddedPostgres({ home });

  expect(address.host.startsWith(tmpdir())).toBe(true);
  expect(statSync(address.host).mode & 0o777).toBe(0o700);
  expect(await query(found, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a folder for sockets that others may enter, or a link in its place, is refused', () => {
  const place = findPlace(join(temporaryFolder(), 'long'.repeat(20), 'path'.repeat(20)));
  const folder = makeSocketFolder(place, undefined);
  onTestFinished(() => rmSync(folder, { force: true, recursive: true }));

  chmodSync(folder, 0o777);
  expect(() => makeSocketFolder(place, undefined)).toThrow(/belongs to another OS user/);

  rmdirSync(folder);
  symlinkSync(temporaryFolder(), folder);
  expect(() => makeSocketFolder(place, undefined)).toThrow(/belongs to another OS user/);
});

test('a path with spaces, commas and quotes is a home like any other', async () => {
  const parent = join(temporaryFolder(), `A "b", c's é`);
  mkdirSync(parent);
  const home = temporaryHome(parent);

  const address = await ensureEmbeddedPostgres({ home });

  expect(await query(address, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('under root a home that only root may enter keeps its data in the system folder', async (context) => {
  if (!asRoot) context.skip('needs root');
  const folder = temporaryFolder();
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const systemFolder = join(folder, 'system');
  const home = temporaryHome(closed);

  const address = await ensureEmbeddedPostgres({ home, systemFolder });
  const found = await ensureEmbeddedPostgres({ home, systemFolder });

  expect(await query(found, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(found).toEqual(address);
  expect(readFileSync(join(home, 'postgres.location'), 'utf8')).toContain(systemFolder);
  expect((await describeEmbedded(home)).dataDirectory.startsWith(systemFolder)).toBe(true);
  expect(existsSync(join(home, 'postgres'))).toBe(false);
  expect(await stopEmbeddedPostgres(home)).toBe(true);
});

test('under root an empty home is opened to the user of the server alone', async (context) => {
  if (!asRoot) context.skip('needs root');
  const home = temporaryHome();
  mkdirSync(home, { mode: 0o700 });

  await ensureEmbeddedPostgres({ home });

  const { dataDirectory } = await describeEmbedded(home);
  expect(dataDirectory).toBe(join(home, 'postgres', 'data'));
  expect(statSync(home)).toMatchObject({ uid: 0, gid: statSync(dataDirectory).gid });
  expect(statSync(home).mode & 0o777).toBe(0o710);
});

test('under root the mode of a home that holds other things is left alone', async (context) => {
  if (!asRoot) context.skip('needs root');
  const folder = temporaryFolder();
  const home = temporaryHome(folder);
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(join(home, 'notes'), '');

  await ensureEmbeddedPostgres({ home, systemFolder: join(folder, 'system') });

  expect(statSync(home).mode & 0o777).toBe(0o700);
  expect((await describeEmbedded(home)).dataDirectory.startsWith(join(folder, 'system'))).toBe(true);
});

test('under root a database stays where it is when its home is closed', async (context) => {
  if (!asRoot) context.skip('needs root');
  const folder = temporaryFolder();
  const home = temporaryHome(folder);
  const address = await ensureEmbeddedPostgres({ home });
  await stopEmbeddedPostgres(home);
  chownSync(home, 0, 0);
  chmodSync(home, 0o700);

  expect(await ensureEmbeddedPostgres({ home, systemFolder: join(folder, 'system') })).toEqual(address);
});
