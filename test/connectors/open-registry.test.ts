import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startTarget, status } from '../support/target.ts';
import { failureOf, request } from './open-connector.ts';
import { bearer, canary, setup, target } from './registry-under-test.ts';

test('a connector is opened once', async () => {
  const { registry } = await setup(
    'b: { type: http, base_url: https://b.example }\na: { type: http, base_url: https://a.example }',
  );

  expect(registry.listings.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(registry.http('a')).toBe(registry.http('a'));
  expect(registry.obstacle('a', 'http')).toBeUndefined();
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

test('a listing says where each connector leads, and nothing that is secret', async () => {
  const { registry } = await setup(
    `
crm: { type: http, base_url: https://crm.example.com:8443/v2 }
shop: { type: sql, url_env: SHOP_DB_URL }
lost: { type: sql, url_env: LOST_DB_URL }
tools: { type: mcp, command: crm-mcp, args: [--stdio] }
remote: { type: mcp, url: "https://mcp.example.com/mcp?x=1" }
done: { type: webhook, url: https://hooks.example.com/done }
`,
    { env: { SHOP_DB_URL: `postgres://u:${encodeURIComponent(canary)}@db.example.com/d` } },
  );

  expect(
    registry.listings.map(({ name, type, target, obstacle }) => [name, type, target, obstacle !== undefined]),
  ).toEqual([
    ['crm', 'http', 'crm.example.com:8443', false],
    ['done', 'webhook', 'hooks.example.com', false],
    ['lost', 'sql', 'LOST_DB_URL', true],
    ['remote', 'mcp', 'mcp.example.com', false],
    ['shop', 'sql', 'db.example.com', false],
    ['tools', 'mcp', 'crm-mcp', false],
  ]);
  expect(inspect(registry, { depth: 20, showHidden: true }) + JSON.stringify(registry.listings)).not.toMatch(
    /S3CR3T/,
  );
});

test('a variable is found in the environment, then in secrets.env, and does not show itself', async () => {
  const { registry } = await setup('', {
    env: { A: 'from-env', EMPTY: '' },
    secrets: 'A=x\nB=from-file\nEMPTY=file\n',
  });

  expect(registry.variable('A')?.reveal()).toBe('from-env');
  expect(registry.variable('B')?.reveal()).toBe('from-file');
  expect(registry.variable('EMPTY')?.reveal()).toBe('file');
  expect(registry.variable('C')).toBeUndefined();
  expect(String(registry.variable('A'))).toBe('[secret]');
});

test('an origin that nobody declared is called without credentials', async () => {
  const { url, hits } = await target();
  const { registry } = await setup(bearer(url), { env: { CRM_TOKEN: canary } });

  const answer = await registry.httpAt(url).call(request());

  expect(answer.status).toBe(200);
  expect(registry.httpAt(url).name).toBe(new URL(url).host);
  expect(JSON.stringify(hits)).not.toContain('S3CR3T');
});

test('a private origin that nobody declared is refused', async () => {
  const { url, hits } = await target();
  const { registry } = await setup(`crm: { type: http, base_url: "${url}", allow_private: true }`, {
    allowPrivateHosts: false,
  });

  expect(await failureOf(registry.httpAt(url).call(request()))).toMatchObject({
    code: 'host_not_allowed',
    message: `${new URL(url).host} leads to an address that is not public; if that is meant, write connector: with one that has allow_private: true, or set SLUICE_ALLOW_PRIVATE_HOSTS=1`,
  });
  expect(hits).toEqual([]);
});

test('a redirect of an address that nobody declared is mended where that address is written', async () => {
  const { url } = await target(() => ({ kind: 'redirect', to: 'https://moved.example.com/' }));
  const { registry } = await setup(undefined);

  const failure = await failureOf(registry.httpAt(url).call(request()));

  expect(failure).toMatchObject({ code: 'redirect_refused' });
  expect(failure.message).toMatch(/that is not followed; set url to where it leads$/);
});

test.each(['', 'crm.example.com', 'file:///etc/passwd', 'ftp://x.example'])(
  '"%s" is no origin',
  async (origin) => {
    const { registry } = await setup(undefined);

    expect(() => registry.httpAt(origin)).toThrow(expect.objectContaining({ code: 'connector_invalid' }));
  },
);

test('programs start with the first that is run', async () => {
  const { registry } = await setup(undefined);

  const { stdout } = await registry.programs.run({
    argv: ['echo', 'hello'],
    env: {},
    stdin: '',
    timeoutMs: 5_000,
    step: 'greet',
    signal: new AbortController().signal,
  });

  expect(stdout.trim()).toBe('hello');
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

test('a database is connected to by the first statement, not before', async () => {
  const { registry } = await setup('shop: { type: sql, url_env: SHOP_DB_URL }', {
    env: { SHOP_DB_URL: 'postgres://u@127.0.0.1:1/d' },
  });

  expect([registry.obstacle('shop', 'sql'), registry.listings.length]).toEqual([undefined, 1]);
  const shop = registry.sql('shop');
  const refused = shop.run({
    text: 'select 1',
    values: [],
    writes: false,
    step: 'ask',
    signal: new AbortController().signal,
  });

  await expect(refused).rejects.toMatchObject({ failure: { code: 'connection_refused' } });
  expect(registry.sql('shop')).toBe(shop);
});
