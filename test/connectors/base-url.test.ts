import { expect, test } from 'vitest';
import { connectorOver } from '../../src/connectors/base-url.ts';
import { parseConnectors } from '../../src/connectors/connectors-file.ts';

const declaredBy = (text: string) => ({
  file: 'connectors.yaml',
  connectors: new Map(),
  problems: [],
  ...parseConnectors(text, '/home/ada/flows/connectors.yaml'),
});

const declared = declaredBy(`
crm: { type: http, base_url: https://crm.example.com }
exports: { type: http, base_url: https://crm.example.com/exports/ }
shop: { type: http, base_url: https://shop.example.com:8443/v2 }
tools: { type: mcp, url: https://tools.example.com/mcp }
`);

test.each([
  ['https://crm.example.com/a.csv', 'crm'],
  ['HTTPS://CRM.example.com:443/a.csv?x=1#y', 'crm'],
  ['https://crm.example.com/exports', 'exports'],
  ['https://crm.example.com/exports/a.csv', 'exports'],
  ['https://crm.example.com/exports2/a.csv', 'crm'],
  ['https://crm.example.com/exports/..a;x=1/.b%2F...;/c..', 'exports'],
  ['https://crm.example.com/exports/../a.csv', 'crm'],
  ['https://shop.example.com:8443/v2/a.csv', 'shop'],
])('%s lies under the connector %s', (url, name) => {
  expect(connectorOver(new URL(url), declared)).toBe(name);
});

test.each([
  'http://crm.example.com/a.csv',
  'https://crm.example.com:8443/a.csv',
  'https://crm.example.com.evil.example/a.csv',
  'https://shop.example.com:8443/a.csv',
  'https://shop.example.com:8443/v2/../a.csv',
  'https://shop.example.com:8443/v2/%2e%2e/a.csv',
  'https://shop.example.com:8443/v2/..%2Fa.csv',
  'https://shop.example.com:8443/v2/x%5C..%5C..%5Ca.csv',
  'https://shop.example.com:8443/v2/..;/a.csv',
  'https://shop.example.com:8443/v2/..%3Bx=1/a.csv',
  'https://shop.example.com:8443/v2/%252e%252e%252fa.csv',
  'https://tools.example.com/mcp/a.csv',
])('%s lies under none', (url) => {
  expect(() => connectorOver(new URL(url), declared)).toThrow('is not under the base_url of a connector');
});

test('a refusal says which connectors there are and what a person types, and never the query', () => {
  expect(() => connectorOver(new URL('https://files.example.org/a.csv?key=hidden'), declared)).toThrow(
    /^https:\/\/files\.example\.org\/a\.csv is not under the base_url of a connector, and nothing else is fetched\. There are crm \(https:\/\/crm\.example\.com\), exports \(https:\/\/crm\.example\.com\/exports\), shop \(https:\/\/shop\.example\.com:8443\/v2\)\. Ask the person to type `sluice connect NAME https:\/\/files\.example\.org` at a terminal to declare another one\.$/,
  );
  expect(() => connectorOver(new URL('https://a.example/b'), declaredBy(''))).toThrow(
    'No connector of type http is declared. Ask the person',
  );
});

test('a file of connectors with mistakes is what the refusal is about', () => {
  expect(() => connectorOver(new URL('https://crm.example.com/a'), declaredBy('crm: { type: htp }'))).toThrow(
    /^connectors\.yaml has problems:\nconnectors\.yaml:1:/,
  );
});
