import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { root } from './install-notes.ts';

const json = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const [manifest, registered, bundle] = ['package.json', 'server.json', 'packaging/manifest.json'].map(json);
const variables = [
  ...readFileSync(join(root, 'src/config.ts'), 'utf8').matchAll(/^ {2}((?:DATABASE|SLUICE)_\w+):/gm),
].map(([, name = '']) => name);

/** Variables of `sluice serve`, which a client that starts Sluice itself has no use for. */
const overHttp = /^SLUICE_(HOST|PORT|TOKEN|ALLOWED_\w+|RATE_LIMIT|OAUTH_\w+|MCP_SESSIONS|\w*UPLOAD\w*)$/;

/** The parts of the registry's schema of 2025-12-11 that Sluice uses. */
const variable = z.strictObject({
  name: z.string(),
  description: z.string(),
  format: z.enum(['string', 'number', 'boolean', 'filepath']).optional(),
  choices: z.array(z.string()).optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  isSecret: z.boolean().optional(),
});
const serverJson = z.strictObject({
  $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
  name: z
    .string()
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)
    .max(200),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: z.string().max(255),
  packages: z.tuple([
    z.strictObject({
      registryType: z.literal('npm'),
      identifier: z.string(),
      version: z.string(),
      runtimeHint: z.literal('npx'),
      transport: z.strictObject({ type: z.literal('stdio') }),
      packageArguments: z.tuple([z.strictObject({ type: z.literal('positional'), value: z.literal('mcp') })]),
      environmentVariables: z.array(variable),
    }),
  ]),
});

test('what the registry is told has the form of its schema and the names of the package', () => {
  const { name, version, packages } = serverJson.parse(registered);

  expect(name).toBe(manifest.mcpName);
  expect([version, packages[0].version]).toEqual([manifest.version, manifest.version]);
  expect(packages[0].identifier).toBe(manifest.name);
});

test('the registry knows every variable that a client may set, and which of them are secrets', () => {
  const listed = serverJson.parse(registered).packages[0].environmentVariables;

  expect(listed.map(({ name }) => name)).toEqual(variables.filter((name) => !overHttp.test(name)));
  expect(listed.flatMap(({ name, isSecret }) => (isSecret ? name : []))).toEqual(['DATABASE_URL']);
});

test('defaults the registry names are those of the README', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const literal = new Map(
    [...readme.matchAll(/^\| `((?:SLUICE|DATABASE)_\w+)` +\| `([^`]+)`/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  const listed = serverJson.parse(registered).packages[0].environmentVariables;

  for (const { name, default: value } of listed.filter(({ default: given }) => given !== undefined))
    expect([name, value]).toEqual([name, literal.get(name)]);
});

test('the bundle has the version of the package and asks for nothing Sluice does not read', () => {
  const asked = Object.values<string>(bundle.server.mcp_config.env);

  expect(bundle.version).toBe(manifest.version);
  expect(`node ${bundle.compatibility.runtimes.node}`).toBe(`node ${manifest.engines.node}`);
  expect(Object.keys(bundle.server.mcp_config.env).filter((name) => !variables.includes(name))).toEqual([]);
  expect(asked.sort()).toEqual(
    Object.keys(bundle.user_config)
      .map((key) => `\${user_config.${key}}`)
      .sort(),
  );
  expect(bundle.user_config.database_url.sensitive).toBe(true);
});
