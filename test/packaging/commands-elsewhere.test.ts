import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { commands, installNotes, root } from './install-notes.ts';

const { version, files, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const compose = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'));

/** Commands of the notes that tests cannot run, by how they begin; why; and what can be said of them here. */
const elsewhere: readonly { begins: string; reason: string; shape: RegExp }[] = [
  {
    begins: 'claude mcp add sluice',
    reason: 'needs Claude Code; what stands behind -- is started by install-notes.test.ts',
    shape: /^claude mcp add sluice -- npx -y sluice-mcp mcp$/,
  },
  {
    begins: 'claude mcp add --transport http',
    reason: 'needs Claude Code',
    shape:
      /^claude mcp add --transport http sluice http:\/\/127\.0\.0\.1:7411\/mcp --header "Authorization: Bearer \$SLUICE_TOKEN"$/,
  },
  { begins: 'claude mcp remove', reason: 'needs Claude Code', shape: /^claude mcp remove sluice$/ },
  {
    begins: 'code --add-mcp',
    reason: 'needs VS Code; its JSON is read by install-notes.test.ts',
    shape: /^code --add-mcp '\{.*\}'$/,
  },
  {
    begins: 'docker compose',
    reason: 'needs a Docker daemon',
    shape:
      /^docker compose (up --build --detach --wait|exec sluice sluice (doctor|tokens create \S+ --label ".+")|logs --follow sluice|down( --volumes)?)$/,
  },
  {
    begins: 'export SLUICE_TOKEN',
    reason: 'is of use to docker run alone',
    shape: /^export SLUICE_TOKEN=\$\(openssl rand -hex 32\)$/,
  },
  {
    begins: 'docker build',
    reason: 'needs a Docker daemon',
    shape: /^docker build --tag sluice-mcp:[\d.]+ \.$/,
  },
  {
    begins: 'docker run',
    reason: 'needs a Docker daemon',
    shape: /^docker run .* --publish 127\.0\.0\.1:7411:7411 --volume sluice:\/data sluice-mcp:[\d.]+$/,
  },
  {
    begins: 'npm uninstall --global',
    reason: 'would take a package away from this machine',
    shape: /^npm uninstall --global sluice-mcp$/,
  },
  {
    begins: 'sudo npm install',
    reason: 'writes outside of the tests; test/long installs the same package',
    shape: /--global --prefix \/opt\/sluice \.\/sluice-mcp-[\d.]+\.tgz$/,
  },
  {
    begins: 'sudo useradd',
    reason: 'makes a user of this machine',
    shape: / --system --home-dir \/var\/lib\/sluice --shell \/usr\/sbin\/nologin sluice$/,
  },
  { begins: 'sudo install', reason: 'writes to /etc', shape: /^sudo install (-d )?-m \d{4} .* ?\/etc\/\S+$/ },
  {
    begins: 'printf',
    reason: 'writes to /etc',
    shape: /\| sudo install -m 0600 \/dev\/stdin \/etc\/sluice\/sluice\.env$/,
  },
  {
    begins: 'sudo systemctl',
    reason: 'needs systemd as the first process',
    shape: /^sudo systemctl (daemon-reload|(enable|disable) --now sluice)$/,
  },
  { begins: 'systemctl', reason: 'needs systemd as the first process', shape: /^systemctl status sluice$/ },
  {
    begins: 'sudo -u sluice',
    reason: 'needs the user of the unit',
    shape: /^sudo -u sluice SLUICE_HOME=\/var\/lib\/sluice \/opt\/sluice\/bin\/sluice tokens create \S+$/,
  },
  { begins: 'journalctl', reason: 'needs systemd', shape: /^journalctl --unit sluice --follow$/ },
];

test('every command that cannot be run here is known, has a reason, and the form its program takes', () => {
  const given = commands('sh elsewhere');
  const kindOf = (line: string) => elsewhere.find(({ begins }) => line.startsWith(begins));

  expect(given.filter((line) => !kindOf(line)?.shape.test(line))).toEqual([]);
  expect(elsewhere.filter((kind) => !given.some((line) => kindOf(line) === kind))).toEqual([]);
});

test('the commands of a clone are scripts of the package, npm itself, or the built program', () => {
  const unknown = commands('sh clone').filter((line) => {
    const script = /^npm run (\S+)$/.exec(line)?.[1];
    if (script !== undefined) return scripts[script] === undefined;
    return !/^(npm pack|npm install (--global )?\.\/sluice-mcp-|npx sluice-mcp |sluice |node dist\/main\.js )/.test(
      line,
    );
  });

  expect(unknown).toEqual([]);
});

test('the names in the commands are those of this version', () => {
  const packages = [...installNotes.matchAll(/sluice-mcp-(\d[\d.]*\d)\.tgz/g)].map(([, named]) => named);
  const images = [...installNotes.matchAll(/sluice-mcp:(\d[\d.]*\d)/g)].map(([, named]) => named);

  expect(new Set([...packages, ...images])).toEqual(new Set([version]));
  expect(compose.services.sluice.image).toBe(`sluice-mcp:${version}`);
});

test('the unit that the notes take from the package is in the package', () => {
  const path = installNotes.match(/\/node_modules\/sluice-mcp\/(\S+\.service)/)?.[1] ?? '';

  expect(files).toContain(path);
  expect(existsSync(join(root, path))).toBe(true);
});
