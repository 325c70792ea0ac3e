import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { checkConnectors, openRegistry, type RegistryOptions } from '../../src/connectors/open-registry.ts';
import { startTarget, status } from '../support/target.ts';
import { failureOf, request } from './open-connector.ts';

const canary = 'S3CR3T/canary+value';

async function setup(
  connectors: string | undefined,
  options: Partial<RegistryOptions> & { secrets?: string } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-connectors-'));
  const secretsFile = join(folder, 'secrets.env');
  if (connectors !== undefined) await writeFile(join(folder, 'connectors.yaml'), connectors);
  if (options.secrets !== undefined) await writeFile(secretsFile, options.secrets, { mode: 0o600 });
  const open = async () => {
    const registry = await openRegistry({
      folder,
      env: {},
      secretsFile,
      allowPrivateHosts: true,
      ...options,
    });
    onTestFinished(() => registry.close());
    return registry;
  };
  onTestFinished(() => rm(folder, { recursive: true }));
  return { folder, secretsFile, open, registry: await open() };
}

const bearer = (url: string) =>
  `crm:\n  type: http\n  base_url: ${url}\n  auth: { type: bearer, token_env: CRM_TOKEN }\n`;

async function target() {
  const started = await startTarget();
  onTestFinished(() => started.close());
  return started;
}

test('a connector is opened once', async () => {
  const { registry } = await setup(
    'b: { type: http, base_url: https://b.example }\na: { type: http, base_url: https://a.example }',
  );

  expect(registry.names).toEqual(['a', 'b']);
  expect(registry.http('a')).toBe(registry.http('a'));
  expect(registry.obstacle('a')).toBeUndefined();
});

test.each([
  ['type: bearer, token_env: S', { S: 'abc' }, { authorization: 'Bearer abc' }],
  ['type: basic, username: ann, password_env: S', { S: 'pw' }, { authorization: `Basic ${btoa('ann:pw')}` }],
  [
    'type: basic, username_env: U, password_env: S',
    { U: 'bob', S: 'pw' },
    { authorization: `Basic ${btoa('bob:pw')}` },
  ],
  ['type: header, header: X-Api-Key, value_env: S', { S: 'key' }, { 'x-api-key': 'key' }],
])('auth { %s } sends its header', async (auth, env, headers) => {
  const { url, hits } = await target();
  const { registry } = await setup(`crm:\n  type: http\n  base_url: ${url}\n  auth: { ${auth} }\n`, { env });

  await registry.http('crm').call(request());

  expect(hits[0]?.headers).toMatchObject(headers);
});

test('the environment wins over secrets.env, which is read when the environment is silent', async () => {
  const { url, hits } = await target();
  const secrets = '# ours\nCRM_TOKEN=from-file\n';

  const { registry, open } = await setup(bearer(url), { secrets, env: { CRM_TOKEN: 'from-env' } });
  await registry.http('crm').call(request());
  const silent = await setup(bearer(url), { secrets, env: { CRM_TOKEN: '' } });
  await silent.registry.http('crm').call(request());
  await open();

  expect(hits.map(({ headers }) => headers.authorization)).toEqual(['Bearer from-env', 'Bearer from-file']);
});

test('an unset variable is an obstacle that names it', async () => {
  const { registry } = await setup(bearer('https://crm.example.com'));

  expect(registry.obstacle('crm')).toBe(
    'The connector crm needs CRM_TOKEN, which is not set. Set it in the environment or in secrets.env.',
  );
  expect(() => registry.http('crm')).toThrow(expect.objectContaining({ code: 'connector_invalid' }));
});

test.skipIf(process.platform === 'win32')(
  'a secrets.env that others can read is not used, and says so',
  async () => {
    const { secretsFile, open } = await setup(bearer('https://crm.example.com'), {
      secrets: 'CRM_TOKEN=abc\n',
    });
    await chmod(secretsFile, 0o644);

    const registry = await open();

    expect(registry.obstacle('crm')).toContain(`chmod 600 ${secretsFile}`);
  },
);

test('a name that is not declared says which are', async () => {
  const { registry, folder } = await setup('crm-system: { type: http, base_url: https://crm.example.com }');

  expect(registry.obstacle('crm-sytem')).toBe(
    `No connector is named crm-sytem in ${join(folder, 'connectors.yaml')}: did you mean "crm-system"?`,
  );
});

test('without a file every name has an obstacle, and opening still works', async () => {
  const { registry } = await setup(undefined);

  expect(registry.names).toEqual([]);
  expect(registry.obstacle('crm')).toContain('the file declares none, or is not there');
});

test('a broken file is an obstacle with all its problems', async () => {
  const { registry, folder } = await setup('crm: { type: http, base_url: x, rate: y }');

  expect(registry.obstacle('crm')).toMatch(/base_url must be[\s\S]*rate must be/);
  expect(await checkConnectors(folder)).toHaveLength(2);
});

test('a type that is still to come is an obstacle of its connector alone', async () => {
  const { registry } = await setup(
    'db: { type: sql, dsn_env: X }\ncrm: { type: http, base_url: https://x.example }',
  );

  expect(registry.obstacle('db')).toContain('type sql, which is not available yet');
  expect(registry.obstacle('crm')).toBeUndefined();
});

test('a private base URL is an obstacle before the first call', async () => {
  const { registry } = await setup('crm: { type: http, base_url: http://127.0.0.1:4010 }', {
    allowPrivateHosts: false,
  });

  expect(registry.obstacle('crm')).toContain('allow_private: true');
});

test('a secret is in no failure, no answer and no printed object, however the target repeats it', async () => {
  const encoded = [canary, encodeURIComponent(canary), btoa(canary), JSON.stringify({ canary })];
  const answers = [
    status(422, { message: `bad token ${encoded.join(' ')}` }),
    status(401, `Bearer ${canary}`),
    { kind: 'redirect', to: `https://evil.example/?t=${encodeURIComponent(canary)}` } as const,
    status(200, { echoed: canary }),
  ];
  const { url, close } = await startTarget({
    answer: ({ attempt }) => answers[attempt - 1] ?? { kind: 'ok' },
  });
  onTestFinished(close);
  const { registry } = await setup(bearer(url), { env: { CRM_TOKEN: canary } });
  const connector = registry.http('crm');

  const failures = [];
  for (let call = 0; call < 3; call++) failures.push(await failureOf(connector.call(request())));
  const answer = await connector.call(request());

  const shown =
    JSON.stringify([failures, answer]) + inspect([registry, connector], { depth: 20, showHidden: true });
  for (const form of encoded) expect(shown).not.toContain(form);
  expect(failures[0]?.untrustedMessage).toContain('[secret]');
  expect(answer.body).toEqual({ echoed: '[secret]' });
});
