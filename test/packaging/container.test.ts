import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { shippedVersion } from '../../src/store/embedded/binaries.ts';
import { root } from './install-notes.ts';

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const instructions = read('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^\s*[A-Z]+ /.test(line))
  .map((line) => line.trim());
const { services, volumes } = parse(read('compose.yaml'));
const finalStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM')));
const argumentsOf = (name: string) =>
  finalStage.flatMap((line) => (line.startsWith(`${name} `) ? line.slice(name.length + 1) : []));

test('both stages of the image have the oldest Node that the package takes', () => {
  const { engines } = JSON.parse(read('package.json'));
  const [major] = engines.node.match(/\d+/) ?? [];

  const bases = instructions.filter((line) => line.startsWith('FROM')).map((line) => line.split(' ')[1]);

  expect(bases).toEqual([`node:${major}-slim`, `node:${major}-slim`]);
});

test('the image serves as a user without rights, is looked at, and ends on SIGTERM', () => {
  expect(argumentsOf('USER')).toEqual(['node']);
  expect(argumentsOf('STOPSIGNAL')).toEqual(['SIGTERM']);
  expect(argumentsOf('HEALTHCHECK')[0]).toContain('/healthz');
  expect(JSON.parse(argumentsOf('ENTRYPOINT')[0] ?? '')).toEqual(['node', '/app/dist/main.js']);
  expect(JSON.parse(argumentsOf('CMD')[0] ?? '')).toEqual(['serve']);
});

test('the health check is a program that answers for the server', () => {
  const [, program = '[]'] = argumentsOf('HEALTHCHECK')[0]?.split('CMD ') ?? [];

  const [node, option, script] = JSON.parse(program);

  expect([node, option]).toEqual(['node', '-e']);
  expect(() => new Function(script)).not.toThrow();
});

test('the image is built from what the build needs, and holds no secret', () => {
  const context = read('.dockerignore').split('\n');
  const letIn = context.flatMap((line) => (line.startsWith('!') ? line.slice(1) : []));

  expect(context).toContain('*');
  expect(letIn.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  expect(letIn.filter((name) => /env|secret|test|node_modules|\.git/.test(name))).toEqual([]);
  expect(instructions.filter((line) => /(TOKEN|PASSWORD|SECRET|DATABASE_URL)/.test(line))).toEqual([]);
});

test.each(['docs', 'drizzle'])('the image and the bundle hold %s, which the program reads', (folder) => {
  expect(read('.dockerignore').split('\n')).toContain(`!${folder}`);
  expect(argumentsOf('COPY')).toContain(`--from=build /src/${folder} ./${folder}`);
  expect(read('scripts/bundle.mjs')).toMatch(new RegExp(`const part of \\[.*'${folder}'.*\\]\\) copy`));
});

test('only Sluice is reached from outside, and only on loopback', () => {
  const ports = Object.entries<{ ports?: string[] }>(services).flatMap(([name, service]) =>
    (service.ports ?? []).map((port) => [name, port]),
  );

  expect(ports).toEqual([['sluice', '127.0.0.1:7411:7411']]);
});

test('secrets of the services are named, never written, and missing ones stop the start', () => {
  const values = Object.values<{ environment: Record<string, string> }>(services).flatMap(({ environment }) =>
    Object.entries(environment).filter(([name]) => /TOKEN|PASSWORD|DATABASE_URL/.test(name)),
  );

  expect(values).toHaveLength(3);
  for (const [, value] of values) expect(value).toMatch(/\$\{\w+:\?[^}]+\}/);
});

test('Sluice waits for a Postgres of the version it brings itself, and has longer to end than it takes', () => {
  const { sluice, database } = services;

  expect(database.image).toBe(`postgres:${shippedVersion()?.split('.')[0]}`);
  expect(sluice.depends_on.database.condition).toBe('service_healthy');
  expect(sluice.stop_grace_period).toBe('30s');
  expect(sluice).toMatchObject({ init: true, read_only: true, cap_drop: ['ALL'] });
  expect(Object.keys(volumes)).toEqual(['home', 'database']);
});
