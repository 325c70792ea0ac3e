import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtServer } from '../support/built-server.ts';
import {
  connectTo,
  importCustomers,
  inviteStranger,
  npmOfThisMachine,
  root,
  writtenCommands,
} from './stranger.ts';

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const stranger = inviteStranger();
const sluice = join(stranger.folder, 'node_modules/.bin/sluice');

const prefix = join(stranger.folder, 'prefix');
const npm = { ...npmOfThisMachine, npm_config_prefix: prefix };

beforeAll(async () => {
  await builtServer();
  // The build is fresh, so nothing has to be prepared.
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', stranger.folder];
  const { stdout } = spawnSync('npm', pack, { cwd: root, encoding: 'utf8' });
  stranger.run('npm', ['install', `./${stdout.trim()}`], npm);
}, 300_000);

afterAll(() => {
  if (existsSync(sluice)) stranger.run(sluice, ['stop']);
  stranger.leave();
});

test('the installed command does the main job at the terminal, with an empty home', () => {
  stranger.run(sluice, ['init']);
  writeFileSync(
    join(stranger.folder, 'people.csv'),
    'name,email\nAda,ADA@example.com\nGrace,grace@example.com\n',
  );

  stranger.run(sluice, ['start', 'example', 'people.csv']);
  const results = stranger.run(sluice, ['results', '--json']);
  const findings = stranger.run('npx', ['sluice-mcp', 'doctor'], npm);

  expect(results).toContain('ada@example.com');
  expect(findings).toMatch(/ok +database/);
});

test('a client does the main job with the installed server', async () => {
  const server = { command: sluice, args: ['mcp'], env: { ...stranger.env } };
  const client = await connectTo(server, stranger.folder);

  const { imported, groups, retried } = await importCustomers(client, join(stranger.home, 'Documents'));
  await client.close();

  expect(imported).toMatchObject({ status: 'completed_with_errors', counts: { succeeded: 990, failed: 10 } });
  expect(groups).toMatchObject([{ count: 10 }]);
  expect(retried).toMatchObject({ status: 'completed', counts: { succeeded: 990, retried_success: 10 } });
});

test('the installed page is served', () => {
  const page = join(stranger.folder, 'node_modules/sluice-mcp/dist/page');

  expect(readdirSync(page)).toEqual(expect.arrayContaining(['chat-view.html', 'index.html', 'page.js']));
});

test('nothing that only builds or tests is installed', () => {
  const installed = readdirSync(join(stranger.folder, 'node_modules'));

  const tools = ['esbuild', 'playwright-core', 'preact', 'typescript', 'vitest'];

  expect(installed.filter((name) => tools.includes(name))).toEqual([]);
});

test('a flow in TypeScript has its types, and a mistake in it is found', () => {
  const project = join(stranger.folder, 'flows');
  mkdirSync(project);
  writeFileSync(join(stranger.folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'good.ts'), flowCalling('toFixed'));
  writeFileSync(join(project, 'bad.ts'), flowCalling('toFixd'));
  const check = (file: string) =>
    spawnSync(
      process.execPath,
      [tsc, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', file],
      {
        cwd: project,
        encoding: 'utf8',
      },
    );

  const [good, bad] = [check('good.ts'), check('bad.ts')];

  expect(good.stdout).toBe('');
  expect(bad.stdout).toContain("'toFixd' does not exist on type 'number'");
});

test('the commands of the notes for a package run as written', () => {
  // The package is there already.
  const script = writtenCommands('From a package').replace('npm pack\n', '');

  const said = stranger.run('sh', ['-ec', `PATH="${prefix}/bin:$PATH"\n${script}`], npm);

  expect(said.match(/ok +database/g)).toHaveLength(2);
  expect(existsSync(join(prefix, 'lib/node_modules/sluice-mcp/packaging/sluice.service'))).toBe(true);
});

const flowCalling = (method: string) => `import { defineFlow } from 'sluice-mcp';
import { z } from 'zod';
export default defineFlow({ id: 'sum', description: 'Sums', input: z.object({ lines: z.array(z.number()) }) })
  .step('sum', (ctx) => ctx.payload.lines.reduce((sum, line) => sum + line, 0))
  .step('shown', (ctx) => ctx.steps.sum.output.${method}(2));
`;
