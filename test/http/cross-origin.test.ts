import { afterAll, expect } from 'vitest';
import { test } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';

const listed = 'https://app.example.com';
let served: Served;

test.beforeEach(async ({ address }) => {
  served ??= await serve(address, { env: { SLUICE_ALLOWED_ORIGINS: listed } });
});
afterAll(() => served?.stop());

test('a browser hands answers to a page of a listed origin, streams and refusals as well', async () => {
  const headers = { origin: listed };

  const answers = await Promise.all([
    served.request('/api/v1/batches', { headers }),
    served.request('/sse', { headers }),
    served.request('/api/v1/batches', { headers, token: null }),
    served.request('/nothing', { headers }),
  ]);
  await Promise.all(answers.map(({ body }) => body?.cancel()));

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 404]);
  for (const answer of answers) {
    expect(answer.headers.get('access-control-allow-origin')).toBe(listed);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
    expect(answer.headers.get('vary')).toBe('Origin');
  }
});

test('what a page of a listed origin asks beforehand is answered without a token, and others are told nothing', async () => {
  const asking = (origin: string | undefined) =>
    served.request('/api/v1/batches', {
      method: 'OPTIONS',
      token: null,
      headers: {
        ...(origin === undefined ? {} : { origin }),
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });

  const [page, hostile, nobody] = await Promise.all([
    asking(listed),
    asking('https://evil.example'),
    asking(undefined),
  ]);

  expect(page.status).toBe(204);
  expect(page.headers.get('access-control-allow-origin')).toBe(listed);
  expect(page.headers.get('access-control-allow-methods')).toContain('PATCH');
  expect(page.headers.get('access-control-allow-headers')).toBe('authorization,content-type');
  expect([hostile.status, nobody.status]).toEqual([403, 401]);
  for (const { headers } of [hostile, nobody]) expect(headers.get('access-control-allow-origin')).toBeNull();
});
