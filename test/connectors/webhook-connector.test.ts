import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { RecordFailure } from '../../src/domain/failure.ts';
import { type Mode, status } from '../support/target.ts';
import { canary, setup, target } from './registry-under-test.ts';

const body = '{"event": "record.failed",  "index": 7}';

async function openHook(secret?: string, options = {}) {
  const hooks = await target();
  const signing = secret === undefined ? '' : ', secret_env: HOOK';
  const { registry } = await setup(`done: { type: webhook, url: "${hooks.url}/hook?k=1"${signing} }`, {
    env: { HOOK: secret },
    version: '1.2.3',
    ...options,
  });
  return { hooks, hook: registry.webhook('done') };
}

async function failureOf(sending: Promise<unknown>) {
  const error = await sending.catch((reason: unknown) => reason);
  if (error instanceof RecordFailure) return error.failure;
  throw new Error(`no failure: ${String(error)}`);
}

const never = new AbortController().signal;

test.each([
  ['whsec_ and base64', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', undefined],
  ['any text', 'öffne dich', 'raw'],
] as const)('a callback is signed with a secret of %s', async (_, secret, format) => {
  const { hooks, hook } = await openHook(secret);

  expect(await hook.send('msg_1', body, never)).toEqual({ status: 200 });

  const [hit] = hooks.hits;
  expect(hit).toMatchObject({ method: 'POST', path: '/hook?k=1', body: JSON.parse(body) });
  expect(hit?.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'sluice/1.2.3',
    'webhook-id': 'msg_1',
  });
  const key = format === undefined ? secret : Buffer.from(secret);
  const headers = hit?.headers as Record<string, string>;
  expect(() => new Webhook(key, format && { format }).verify(body, headers)).not.toThrow();
});

test('a callback without a secret is sent without a signature', async () => {
  const { hooks, hook } = await openHook();

  await hook.send('msg_1', body, never);

  expect(hooks.hits[0]?.headers['webhook-id']).toBe('msg_1');
  expect(hooks.hits[0]?.headers).not.toHaveProperty('webhook-signature');
});

test.each<[Mode, object]>([
  [
    status(500, { message: `no ${canary}` }),
    { class: 'transient', code: 'http_500', untrustedMessage: 'no [secret]' },
  ],
  [status(410), { class: 'data', code: 'http_410', message: 'done answered 410 to POST its URL' }],
  [
    { kind: 'redirect', to: 'http://169.254.169.254/' },
    {
      class: 'data',
      code: 'redirect_refused',
      message:
        'done answered POST its URL with a redirect (302) that is not followed; set url to where it leads',
      untrustedMessage: 'http://169.254.169.254/',
    },
  ],
  [{ kind: 'reset' }, { class: 'transient', code: 'connection_reset' }],
])('an answer of %j fails the callback', async (mode, failure) => {
  const hooks = await target(() => mode);
  const { registry } = await setup(`done: { type: webhook, url: "${hooks.url}", secret_env: HOOK }`, {
    env: { HOOK: canary },
  });

  const found = await failureOf(registry.webhook('done').send('msg_1', body, never));

  expect(found).toMatchObject({ ...failure, connector: 'done' });
  expect(JSON.stringify(found)).not.toContain(canary);
  expect(hooks.hits).toHaveLength(1);
});

test('a callback to a private address is refused unless it is allowed', async () => {
  const hooks = await target();
  const declared = (more: string) =>
    `done: { type: webhook, url: "${hooks.url.replace('127.0.0.1', 'localhost')}"${more} }`;
  const closed = await setup(declared(''), { allowPrivateHosts: false });
  const open = await setup(declared(', allow_private: true'), { allowPrivateHosts: false });

  expect(() => closed.registry.webhook('done')).toThrow(
    expect.objectContaining({ code: 'connector_invalid' }),
  );
  expect(await open.registry.webhook('done').send('msg_1', body, never)).toEqual({ status: 200 });
  expect(hooks.hits).toHaveLength(1);
});

test('a callback ends when its signal aborts', async () => {
  const hooks = await target(() => ({ kind: 'hang' }));
  const { registry } = await setup(`done: { type: webhook, url: "${hooks.url}" }`);
  const stop = new AbortController();
  const sending = registry.webhook('done').send('msg_1', body, stop.signal);
  await hooks.reached(1);

  stop.abort(new Error('over'));

  await expect(sending).rejects.toBe(stop.signal.reason);
});
