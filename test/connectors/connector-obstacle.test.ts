import { chmod } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { checkConnectors } from '../../src/connectors/open-registry.ts';
import { bearer, canary, setup } from './registry-under-test.ts';

test('an unset variable is an obstacle that names it', async () => {
  const { registry } = await setup(bearer('https://crm.example.com'));

  expect(registry.obstacle('crm', 'http')).toBe(
    'The connector crm needs CRM_TOKEN, which is not set. Set it in the environment or in secrets.env.',
  );
  expect(() => registry.http('crm')).toThrow(expect.objectContaining({ code: 'connector_invalid' }));
});

test.skipIf(process.platform === 'win32')(
  'a secrets.env that others can read is not used, and says so',
  async () => {
    const { folder, secretsFile, open } = await setup(bearer('https://crm.example.com'), {
      secrets: 'CRM_TOKEN=abc\n',
    });
    await chmod(secretsFile, 0o644);

    const registry = await open();

    expect(registry.obstacle('crm', 'http')).toContain('chmod 600 secrets.env');
    expect(registry.obstacle('crm', 'http')).not.toContain(folder);
  },
);

test('a name that is not declared says which are', async () => {
  const { registry } = await setup('crm-system: { type: http, base_url: https://crm.example.com }');

  expect(registry.obstacle('crm-sytem', 'http')).toBe(
    `No connector is named crm-sytem in connectors.yaml: did you mean "crm-system"?`,
  );
});

test('without a file every name has an obstacle, and opening still works', async () => {
  const { registry } = await setup(undefined);

  expect(registry.listings).toEqual([]);
  expect(registry.obstacle('crm', 'http')).toContain('the file declares none, or is not there');
});

test('a broken file is an obstacle with all its problems', async () => {
  const { registry, folder } = await setup('crm: { type: http, base_url: x, rate: y }');

  expect(registry.obstacle('crm', 'http')).toMatch(/base_url must be[\s\S]*rate must be/);
  expect(registry.obstacle('crm', 'http')).not.toContain(folder);
  expect(await checkConnectors(folder)).toHaveLength(2);
});

test('a connector of another type than the flow needs is an obstacle', async () => {
  const { registry } = await setup('crm: { type: http, base_url: https://x.example }');

  expect(registry.obstacle('crm', 'sql')).toBe(
    'The connector crm has the type http; the flow uses it as sql.',
  );
  expect(() => registry.sql('crm')).toThrow(expect.objectContaining({ code: 'connector_invalid' }));
});

test.each([
  ['url: https://hooks.example.com', {}, undefined],
  ['url: https://hooks.example.com, secret_env: HOOK', { HOOK: 'any text at all' }, undefined],
  ['url: https://hooks.example.com, secret_env: HOOK', { HOOK: 'whsec_c2VjcmV0' }, undefined],
  ['url: https://hooks.example.com, secret_env: HOOK', {}, 'needs HOOK, which is not set'],
  [
    'url: https://hooks.example.com, secret_env: HOOK',
    { HOOK: 'whsec_***' },
    'cannot sign with HOOK: it begins with whsec_ and is not base64 behind it',
  ],
  ['url: http://10.0.0.1/done', {}, 'leads to an address that is not public'],
])('what stands in the way of a webhook: %s %j', async (settings, env, obstacle) => {
  const { registry } = await setup(`done: { type: webhook, ${settings} }`, { env, allowPrivateHosts: false });

  const expected =
    obstacle === undefined ? undefined : expect.stringContaining(`The connector done ${obstacle}`);
  expect(registry.obstacle('done', 'webhook')).toEqual(expected);
});

const database = 'shop: { type: sql, url_env: SHOP_DB_URL }';

test.each([
  [
    {},
    'The connector shop needs SHOP_DB_URL, which is not set. Set it in the environment or in secrets.env.',
  ],
  [
    { SHOP_DB_URL: `mysql://u:${canary}@db.example.com` },
    'The connector shop cannot use SHOP_DB_URL: it does not hold a URL that begins with postgres://.',
  ],
  [
    { SHOP_DB_URL: 'postgres://u@127.0.0.1/d' },
    'The connector shop leads to an address that is not public. If that is meant, set allow_private: true in connectors.yaml.',
  ],
  [
    { SHOP_DB_URL: 'postgres://u@/d?host=/run/pg' },
    'The connector shop leads to an address that is not public. If that is meant, set allow_private: true in connectors.yaml.',
  ],
  [{ SHOP_DB_URL: 'postgres://u@db.example.com/d' }, undefined],
])('what stands in the way of a database: %j', async (env, obstacle) => {
  const { registry } = await setup(database, { env, allowPrivateHosts: false });

  expect(registry.obstacle('shop', 'sql')).toBe(obstacle);
});

test.each([
  [
    'command: crm-mcp, env: { TOKEN: A_TOKEN, OTHER: B_TOKEN }',
    'needs A_TOKEN and B_TOKEN, which are not set',
  ],
  [
    'url: https://mcp.example.com, auth: { type: bearer, token_env: A_TOKEN }',
    'needs A_TOKEN, which is not set',
  ],
  ['url: http://localhost:3000/mcp', 'leads to an address that is not public'],
])('what stands in the way of an MCP server: %s', async (settings, obstacle) => {
  const { registry } = await setup(`crm: { type: mcp, ${settings} }`, { allowPrivateHosts: false });

  expect(registry.obstacle('crm', 'mcp')).toContain(`The connector crm ${obstacle}`);
});

test('a private base URL is an obstacle before the first call', async () => {
  const { registry } = await setup('crm: { type: http, base_url: http://127.0.0.1:4010 }', {
    allowPrivateHosts: false,
  });

  expect(registry.obstacle('crm', 'http')).toContain('allow_private: true');
});
