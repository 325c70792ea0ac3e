import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import {
  failFirst,
  type Mode,
  startTarget,
  status,
  type Target,
  type TargetOptions,
  tooManyRequests,
} from './target.ts';

let target: Target | undefined;

afterEach(async () => {
  await target?.close();
  target = undefined;
});

async function start(options?: TargetOptions): Promise<Target> {
  target = await startTarget(options);
  return target;
}

function post(to: Target, body: unknown, key?: string, signal?: AbortSignal) {
  return request(`${to.url}/api/things`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

test('the journal holds what was sent, in order, and what was answered', async () => {
  const target = await start({
    answer: (hit) => (hit.id === '2' ? status(422, { message: 'no' }) : { kind: 'ok' }),
  });

  const first = await post(target, { id: 1, name: 'Ada' }, 'job:0');
  const second = await post(target, { id: 2 }, 'job:1');

  expect(await first.body.json()).toEqual({ ok: true, id: '1' });
  expect(await second.body.json()).toEqual({ message: 'no' });
  expect(target.hits).toMatchObject([
    { method: 'POST', path: '/api/things', key: 'job:0', id: '1', body: { id: 1, name: 'Ada' }, status: 200 },
    { key: 'job:1', id: '2', attempt: 1, status: 422 },
  ]);
  expect([...target.effects]).toEqual([['job:0', 1]]);
});

test('a key that fails first succeeds later, and each attempt is counted', async () => {
  const target = await start({ answer: failFirst(2, tooManyRequests(3)) });

  const answers = [];
  for (let round = 0; round < 3; round++) {
    const { statusCode, headers, body } = await post(target, { id: 'a' });
    await body.dump();
    answers.push([statusCode, headers['retry-after']]);
  }

  expect(answers).toEqual([
    [429, '3'],
    [429, '3'],
    [200, undefined],
  ]);
  expect(target.hitsPerKey.get('a')).toBe(3);
  expect(target.effects.get('a')).toBe(1);
});

test.each([
  ['reset', 0],
  ['reset_after_work', 1],
  ['garbage', 0],
] as const)('%s gives the caller no answer', async (kind, effects) => {
  const target = await start({ answer: () => ({ kind }) });

  const answer = post(target, { id: 'a' });

  await expect(answer).rejects.toThrow();
  expect(target.hits).toHaveLength(1);
  expect(target.effects.get('a') ?? 0).toBe(effects);
});

test('a hanging target says nothing until the caller hangs up', async () => {
  const target = await start({ answer: () => ({ kind: 'hang' }) });
  const hangUp = new AbortController();

  const answer = post(target, { id: 'a' }, undefined, hangUp.signal);
  await target.reached(1);
  hangUp.abort();

  await expect(answer).rejects.toThrow(/abort/i);
  expect(target.hits[0]?.status).toBeUndefined();
});

test('a dripping body goes on until the caller hangs up', async () => {
  const target = await start({ answer: () => ({ kind: 'drip', everyMs: 5 }) });

  const { body } = await post(target, { id: 'a' });
  let bytes = 0;
  for await (const piece of body) {
    bytes += (piece as Buffer).length;
    if (bytes >= 3) break;
  }

  expect(bytes).toBeGreaterThanOrEqual(3);
});

test('a huge body has the length it was asked to have', async () => {
  const bytes = 1_000_003;
  const target = await start({ answer: () => ({ kind: 'huge', bytes }) });

  const { body } = await post(target, { id: 'a' });
  const text = await body.text();

  expect(text).toHaveLength(bytes);
  expect(typeof JSON.parse(text)).toBe('string');
});

test('a redirect names its place, and a broken body is no JSON', async () => {
  const modes: Record<string, Mode> = {
    away: { kind: 'redirect', to: 'http://127.0.0.1:1/' },
    bad: { kind: 'bad_json' },
  };
  const target = await start({ answer: (hit) => modes[hit.id ?? '']! });

  const away = await post(target, { id: 'away' });
  const bad = await post(target, { id: 'bad' });

  expect([away.statusCode, away.headers.location]).toEqual([302, 'http://127.0.0.1:1/']);
  await expect(bad.body.json()).rejects.toThrow(SyntaxError);
});

test('the peak is the most requests under way at once, not the number of requests', async () => {
  const target = await start({ answer: () => ({ kind: 'ok', delayMs: 50 }) });
  const fourAtOnce = () =>
    Promise.all([1, 2, 3, 4].map((id) => post(target, { id }).then(({ body }) => body.dump())));

  await fourAtOnce();
  await fourAtOnce();

  expect(target.hits).toHaveLength(8);
  expect(target.peakInFlight).toBe(4);
});

test('closing cuts the calls under way', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 60_000 }) });
  const answer = post(target, { id: 'a' }).catch((error: unknown) => error);
  await target.reached(1);

  await target.close();

  expect(await answer).toBeInstanceOf(Error);
});
