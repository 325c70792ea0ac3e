import { expect, test } from 'vitest';
import { isPrivateHost } from '../../src/connectors/private-address.ts';

/** The host a URL leads to, after the URL's own rules have read every odd way to write an address. */
const hostOf = (url: string) => new URL(url).hostname;

test.each([
  'http://127.0.0.1',
  'http://127.1',
  'http://127.255.255.254',
  'http://0',
  'http://0.0.0.0',
  'http://0x7f.1',
  'http://0x7f000001',
  'http://0177.0.0.1',
  'http://2130706433',
  'http://017700000001',
  'http://127.0.0.1.',
  'http://１２７.０.０.１',
  'http://user@127.0.0.1',
  'http://public.example@127.0.0.1',
  'http://10.1.2.3',
  'http://172.16.0.1',
  'http://172.31.255.255',
  'http://192.168.0.1',
  'http://169.254.169.254',
  'http://100.64.0.1',
  'http://192.0.0.1',
  'http://198.18.0.1',
  'http://224.0.0.1',
  'http://240.0.0.1',
  'http://255.255.255.255',
  'http://[::]',
  'http://[::1]',
  'http://[0:0:0:0:0:0:0:1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://[::127.0.0.1]',
  'http://[64:ff9b::7f00:1]',
  'http://[64:ff9b:1::1]',
  'http://[2002:7f00:1::]',
  'http://[2001::1]',
  'http://[fe80::1]',
  'http://[fec0::1]',
  'http://[fc00::1]',
  'http://[fd12:3456:789a::1]',
  'http://[ff02::1]',
  'http://[100::1]',
  'http://[2001:db8::1]',
  'http://localhost',
  'http://LOCALHOST.',
  'http://anything.localhost',
])('%s is not public', (url) => {
  expect(isPrivateHost(hostOf(url))).toBe(true);
});

test.each([
  'http://8.8.8.8',
  'http://172.32.0.1',
  'http://[2606:4700::1111]',
  'http://[::ffff:8.8.8.8]',
  'http://example.com',
])('%s may be public', (url) => {
  expect(isPrivateHost(hostOf(url))).toBe(false);
});
