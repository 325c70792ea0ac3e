import { expect, test } from 'vitest';
import type { HttpAnswer } from '../../src/connectors/http.ts';
import { openOrigins } from '../../src/connectors/open-origins.ts';
import { request } from './open-connector.ts';

/** Origins whose calls end when the test says so, with a record of what was opened and closed. */
function setup(most: number) {
  const seen: string[] = [];
  const answers = new Map<string, (answer: HttpAnswer) => void>();
  const origins = openOrigins((origin) => {
    const { host } = new URL(origin);
    seen.push(`open ${host}`);
    return {
      name: host,
      call: () => new Promise((resolve) => answers.set(host, resolve)),
      close: async () => void seen.push(`close ${host}`),
    };
  }, most);
  const answer = (host: string) => answers.get(host)?.({ status: 200, headers: {}, body: null });
  const use = async (host: string) => {
    const call = origins.at(`https://${host}`).call(request());
    answer(host);
    await call;
  };
  return { origins, seen, use, answer };
}

test('one connector serves all calls to an origin', async () => {
  const { use, seen } = setup(2);

  await use('a');
  await use('a');

  expect(seen).toEqual(['open a']);
});

test('the one used least recently is closed for another', async () => {
  const { use, seen } = setup(2);

  for (const host of ['a', 'b', 'a', 'c', 'b']) await use(host);

  expect(seen).toEqual(['open a', 'open b', 'open c', 'close b', 'open b', 'close a']);
});

test('a connector is not closed before its calls have ended', async () => {
  const { origins, use, answer, seen } = setup(1);

  const slow = origins.at('https://slow').call(request());
  await use('b');
  expect(seen).toEqual(['open slow', 'open b']);
  answer('slow');

  expect((await slow).status).toBe(200);
  expect(seen).toEqual(['open slow', 'open b', 'close slow']);
});

test('a connector somebody holds works after it was closed', async () => {
  const { origins, use, answer, seen } = setup(1);
  const held = origins.at('https://a');

  await use('a');
  await use('b');
  const call = held.call(request());
  answer('a');

  expect((await call).status).toBe(200);
  expect(seen).toEqual(['open a', 'open b', 'close a', 'open a', 'close b']);
});

test('closing closes all that are open', async () => {
  const { origins, use, seen } = setup(2);
  await use('a');
  await use('b');

  await origins.close();

  expect(seen.slice(2)).toEqual(['close a', 'close b']);
});
