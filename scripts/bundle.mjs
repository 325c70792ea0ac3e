// Makes build/sluice-VERSION-PLATFORM.mcpb: Sluice with everything it needs but Node, for Claude Desktop to install.
// The Postgres inside is the one of the machine this runs on, so each platform has a bundle of its own.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version, files } = readJson('package.json');
const stage = join(root, 'build', 'mcpb');
const bundle = join(root, 'build', `sluice-${version}-${process.platform}-${process.arch}.mcpb`);
const mcpb = join(root, 'packaging/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js');

run(process.execPath, ['scripts/setup.mjs'], root);
run(
  'npm',
  ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
  join(root, 'packaging'),
);

rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const name of [...files, 'package.json', 'package-lock.json'])
  cpSync(join(root, name), join(stage, name), { recursive: true });
run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], stage);

const manifest = { ...readJson('packaging/manifest.json'), version };
writeFileSync(join(stage, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
run(process.execPath, [mcpb, 'validate', join(stage, 'manifest.json')], root);
run(process.execPath, [mcpb, 'pack', stage, bundle], root);
console.log(bundle);

function readJson(name) {
  return JSON.parse(readFileSync(join(root, name), 'utf8'));
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
}
