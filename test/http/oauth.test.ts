import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect } from 'vitest';
import { test } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';

const audience = 'https://sluice.example.com';
const keys = await generateKeyPair('RS256', { extractable: true });
const strangers = await generateKeyPair('RS256', { extractable: true });

let server: Server;
let issuer: string;
let served: Served;
let isDown = false;

beforeAll(async () => {
  const key = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  server = createServer((request, response) => {
    const answers: Record<string, unknown> = {
      '/.well-known/oauth-authorization-server': { issuer, jwks_uri: `${issuer}/keys` },
      '/keys': { keys: [key] },
    };
    const answer = isDown ? undefined : answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? null));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await served?.stop();
  server.close();
});

const flow = 'flow: ones-own\ntarget: { connector: echo }\n';

test.beforeEach(async ({ address }) => {
  const env = { SLUICE_OAUTH_ISSUER: issuer, SLUICE_OAUTH_AUDIENCE: audience };
  served ??= await serve(address, { env, flows: { 'ones-own.yaml': flow } });
});

interface Claims {
  readonly iss?: string;
  readonly aud?: string;
  readonly sub?: string;
  readonly exp?: string;
  readonly nbf?: string;
}

/** A token as the issuer would sign it, unless told otherwise. */
function token(claims: Claims = {}, key = keys.privateKey): Promise<string> {
  const { iss = issuer, aud = audience, sub = 'ada', exp = '5m', nbf } = claims;
  const jwt = new SignJWT({ sub }).setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'at+jwt' });
  jwt.setIssuer(iss).setAudience(aud).setIssuedAt().setExpirationTime(exp);
  return (nbf === undefined ? jwt : jwt.setNotBefore(nbf)).sign(key);
}

const statusWith = async (given: string) => (await served.request('/mcp', { token: given })).status;

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a challenge leads to a document that says who issues tokens', async () => {
  const challenged = await served.request('/mcp', { method: 'POST', token: null });
  const [, url = ''] =
    /resource_metadata="([^"]+)"/.exec(challenged.headers.get('www-authenticate') ?? '') ?? [];
  const found = await fetch(url);
  const ofMcp = await fetch(`${url}/mcp`);

  expect(challenged.status).toBe(401);
  expect(await found.json()).toEqual({
    resource: audience,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    resource_name: 'Sluice',
  });
  expect(ofMcp.status).toBe(200);
});

test('whoever has a token of the issuer for this server has jobs and flows of their own', async () => {
  const [ada, bob] = await Promise.all([
    connectRemote(served.url, await token()),
    connectRemote(served.url, await token({ sub: 'bob' })),
  ]);

  await ada.call('save_flow', { text: flow });
  const found = [await ada.call('list_flows'), await bob.call('list_flows')];
  await Promise.all([ada.close(), bob.close()]);

  expect(found.map(({ flows }) => flows.length)).toEqual([1, 0]);
});

test('only what this issuer has signed for this server, and for now, opens anything', async () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: audience, sub: 'ada', iat: now, exp: now + 300 };
  const publicPem = new TextEncoder().encode(await exportSPKI(keys.publicKey));
  const wrong = {
    'another audience': await token({ aud: 'https://other.example.com' }),
    'another issuer': await token({ iss: 'https://other.example.com' }),
    expired: await token({ exp: '-1m' }),
    'without an end': await new SignJWT({ iss: issuer, aud: audience, sub: 'ada' })
      .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'at+jwt' })
      .sign(keys.privateKey),
    'not yet': await token({ nbf: '5m' }),
    'another key': await token({}, strangers.privateKey),
    'no subject': await token({ sub: '' }),
    unsigned: `${part({ alg: 'none', typ: 'at+jwt' })}.${part(claims)}.`,
    'public key as secret': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(publicPem),
    'claims changed': (await token()).replace(/\.[^.]+\./, `.${part({ ...claims, sub: 'operator' })}.`),
    'nothing at all': 'a.b.c',
  };

  const right = await statusWith(await token());
  const statuses = await Promise.all(
    Object.entries(wrong).map(async ([why, each]) => [why, await statusWith(each)]),
  );

  expect(right).toBe(405);
  expect(Object.fromEntries(statuses)).toEqual(
    Object.fromEntries(Object.keys(wrong).map((why) => [why, 401])),
  );
});

test('the operator’s token and tokens of this server open it as before', async () => {
  expect(await statusWith(await served.tokenOf('ada'))).toBe(405);
  expect((await served.request('/metrics')).status).toBe(200);
  expect((await served.request('/metrics', { token: await token() })).status).toBe(404);
});

test('while the issuer is out of reach nobody is let in, and afterwards they are', async ({ address }) => {
  isDown = true;
  const env = { SLUICE_OAUTH_ISSUER: issuer, SLUICE_OAUTH_AUDIENCE: audience };
  const other = await serve(address, { env });
  const ask = async () => (await other.request('/mcp', { token: await token() })).status;

  const down = await ask();
  isDown = false;
  const up = await ask();
  await other.stop();

  expect([down, up]).toEqual([503, 405]);
});
