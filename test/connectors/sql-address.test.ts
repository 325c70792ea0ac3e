import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { sqlAddressOf } from '../../src/connectors/sql-address.ts';

function addressOf(url: string) {
  const address = sqlAddressOf(url);
  if ('problem' in address) throw new Error(address.problem);
  return { ...address, password: address.password.reveal() };
}

test('everything of a URL is read', () => {
  expect(
    addressOf(
      'postgresql://ann%40shop:p%40ss%2F%25@db.example.com:6432/my%20shop?sslmode=verify-full&options=-c%20a%3Db',
    ),
  ).toEqual({
    host: 'db.example.com',
    port: 6432,
    user: 'ann@shop',
    password: 'p@ss/%',
    database: 'my shop',
    sslMode: 'verify-full',
    rootCertificates: undefined,
    options: '-c a=b',
  });
});

test.each([
  [
    'postgres://db.example.com',
    { host: 'db.example.com', port: 5432, user: 'postgres', database: 'postgres', password: '' },
  ],
  ['postgres://ann@/shop', { host: 'localhost', user: 'ann', database: 'shop' }],
  [
    'postgres://ann:pw@/shop?host=/run/pg',
    { host: '/run/pg', user: 'ann', password: 'pw', database: 'shop' },
  ],
  ['postgres://ann@[2001:db8::1]:5433', { host: '2001:db8::1', port: 5433, database: 'ann' }],
  ['postgres://ann@localhost:5/shop?host=/run/pg', { host: '/run/pg', port: 5 }],
  ['postgres://ann@%2Frun%2Fpg/shop', { host: '/run/pg' }],
  [
    'postgres:///shop?host=db&port=7&user=bob&password=a%25b&dbname=other',
    { host: 'db', port: 7, user: 'bob', password: 'a%b', database: 'other' },
  ],
  [
    'postgres://u@h/d?channel_binding=require&pgbouncer=true&connection_limit=1',
    { host: 'h', sslMode: 'disable' },
  ],
])('%s', (url, address) => {
  expect(addressOf(url)).toMatchObject(address);
});

test('what the environment says of other servers is not used', () => {
  const before = { ...process.env };
  Object.assign(process.env, { PGHOST: 'other', PGUSER: 'other', PGPASSWORD: 'other', PGDATABASE: 'other' });
  try {
    expect(addressOf('postgres:///')).toMatchObject({ host: 'localhost', user: 'postgres', password: '' });
  } finally {
    for (const name of ['PGHOST', 'PGUSER', 'PGPASSWORD', 'PGDATABASE']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
});

test.each([
  ['mysql://u:s3cret@h/d', 'does not hold a URL that begins with postgres://'],
  ['host=h user=u password=s3cret', 'does not hold a URL that begins with postgres://'],
  ['postgres://u:s3cret%zz@h/d', 'holds a % that encodes nothing'],
  ['postgres://u:s3cret@a,b/d', 'names several hosts; name one'],
  ['postgres://u:s3cret@h/d?port=none', 'has a port that is none'],
  [
    'postgres://u:s3cret@h/d?sslmode=prefer',
    'has an sslmode other than disable, require, verify-ca, verify-full',
  ],
  [
    'postgres://u:s3cret@h/d?sslcert=/c',
    'asks for a client certificate (sslcert), which cannot be used here',
  ],
  [
    'postgres://u:s3cret@h/d?sslrootcert=/no/such.pem',
    'names a file of certificates (sslrootcert) that cannot be read',
  ],
])('%s is refused without being repeated', (url, problem) => {
  expect(sqlAddressOf(url)).toEqual({ problem });
});

test('the password shows itself to nobody', () => {
  expect(inspect(sqlAddressOf('postgres://u:s3cret@h/d'), { showHidden: true })).not.toContain('s3cret');
});
