import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { offerFor, offerProblem, readOffer } from '../../src/connectors/batch-offer.ts';
import { parseConnectors } from '../../src/connectors/connectors-file.ts';

const offers = ['POST /users', 'GET /users/*', 'get /users/*/orders', 'GET /'].map(readOffer);

test.each([
  ['POST', '/users'],
  ['GET', '/users/1'],
  ['GET', '/users/a%20b?x=/../y'],
  ['GET', '/users/%E2%82%AC'],
  ['GET', '/users/1/orders'],
  ['GET', '/'],
])('%s %s is offered', (method, path) => {
  expect(offerFor(offers, method, path)).toBeDefined();
});

test.each([
  ['GET', '/users'],
  ['DELETE', '/users/1'],
  ['get', '/users/1'],
  ['GET', '/users/'],
  ['GET', '/Users/1'],
  ['GET', '//users/1'],
  ['GET', '/users//'],
  ['GET', '/users/1/2'],
  ['GET', '/users/..'],
  ['GET', '/users/.'],
  ['GET', '/users/%2e%2E'],
  ['GET', '/users/a%2fb'],
  ['GET', '/users/a%5Cb'],
  ['GET', '/users/a\\b'],
  ['GET', '/users/%252e%252e'],
  ['GET', '/users/%00'],
  ['GET', '/users/%zz'],
  ['GET', '/users/%c0%ae'],
  ['GET', '/users/a b'],
  ['GET', '/users/é'],
  ['GET', '/users/1#x'],
  ['GET', '/users/1\r\nX: y'],
  ['GET', 'http://elsewhere.example/users/1'],
  ['GET', 'users/1'],
  ['GET', ''],
  ['GET', `/users/${'a'.repeat(2001)}`],
])('%s %j is not offered', (method, path) => {
  expect(offerFor(offers, method, path)).toBeUndefined();
});

test.each([
  'POST',
  '/users',
  'FETCH /users',
  'POST users',
  'POST /users?x',
  'GET /a*',
  'GET /a/../b',
  'GET //',
])('%j is no offer', (text) => {
  expect(offerProblem(text)).toBeDefined();
});

test('a wrong offer is a problem of the file, and what the page shows is none', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/http-batch.md'), 'utf8');
  const [, shown = ''] = /^```yaml connectors\n([\s\S]*?)^```$/m.exec(page) ?? [];

  const parsed = parseConnectors(shown, 'connectors.yaml');
  const wrong = parseConnectors(shown.replace('POST /users', 'FETCH /users'), 'connectors.yaml');

  expect(parsed).toHaveProperty('connectors');
  expect(wrong).toMatchObject({
    problems: [{ line: 6, message: expect.stringContaining('must be a method and a path') }],
  });
});
