import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { compileMapping } from '../../src/flows/mapping.ts';
import { recordNames } from '../../src/flows/names.ts';

function map(mapping: Record<string, unknown>, payload: JsonValue): JsonValue {
  const compiled = compileMapping(mapping, { lookups: {}, names: recordNames });
  if ('problems' in compiled) throw new Error(compiled.problems.map(({ message }) => message).join('\n'));
  return compiled.mapping.apply({ record: payload });
}

function problemsOf(mapping: Record<string, unknown>): string[] {
  const compiled = compileMapping(mapping, { lookups: {}, names: recordNames });
  return 'problems' in compiled
    ? compiled.problems.map(({ path, message }) => `${path.join('/')}: ${message}`)
    : [];
}

test('texts are pipes, and other values stand for themselves', () => {
  const mapping = { name: 'source.name', kind: '"person"', active: true, score: 1.5, note: null };

  expect(map(mapping, { name: 'Ann' })).toEqual({
    name: 'Ann',
    kind: 'person',
    active: true,
    score: 1.5,
    note: null,
  });
});

test('values keep their types', () => {
  const payload = { a: 1, b: false, c: [1, { d: null }], e: { f: 'x' } };

  expect(map({ a: 'source.a', b: 'source.b', c: 'source.c', e: 'source.e' }, payload)).toEqual(payload);
});

test('a field that is missing is null, unless it is left out', () => {
  expect(map({ a: 'source.none', b: 'source.none | omit_if_null', c: 'source.none | trim' }, {})).toEqual({
    a: null,
    c: null,
  });
});

test('dotted keys and maps make nested objects', () => {
  const mapping = { 'address.city': 'source.city', 'address.geo.lat': '1', person: { name: 'source.name' } };

  expect(map(mapping, { city: 'Rome', name: 'Ann' })).toEqual({
    address: { city: 'Rome', geo: { lat: 1 } },
    person: { name: 'Ann' },
  });
});

test('lists are mapped item by item', () => {
  expect(map({ tags: ['source.a', 'source.b | omit_if_null', { key: 'source.c' }] }, { a: 1, c: 3 })).toEqual(
    {
      tags: [1, { key: 3 }],
    },
  );
});

test('a nested object of which everything was left out is left out too', () => {
  expect(map({ 'address.city': 'source.city | omit_if_null', name: '"x"' }, {})).toEqual({ name: 'x' });
  expect(map({ city: 'source.city | omit_if_null' }, {})).toEqual({});
});

test('the order of the fields is the order in the file', () => {
  expect(Object.keys(map({ b: '1', a: '2', c: '3' }, {}) as object)).toEqual(['b', 'a', 'c']);
});

test.each(['__proto__', 'constructor', 'prototype', 'a.__proto__.b', 'a..b', '.a', ''])(
  'the key %j is refused',
  (key) => {
    expect(problemsOf(Object.fromEntries([[key, 'source.a']]))).toHaveLength(1);
  },
);

test('a key that is given in two ways is refused', () => {
  expect(problemsOf({ a: 'source.a', 'a.b': 'source.b' })).toEqual([
    'a.b: "a.b" is given twice, in different ways',
  ]);
  expect(problemsOf({ 'a.b': 'source.b', a: 'source.a' })).toEqual([
    'a: "a" is given twice, in different ways',
  ]);
});

test.each([2 ** 60, Number.NaN, Number.POSITIVE_INFINITY])(
  'the constant %s is refused, since JSON cannot carry it',
  (value) => {
    expect(problemsOf({ a: value })).toHaveLength(1);
  },
);

test('problems name the place in the mapping, however deep', () => {
  expect(problemsOf({ a: { b: ['source.x | trm'] }, c: 'nothing' })).toEqual([
    expect.stringMatching(/^a\/b\/0: unknown transform/),
    expect.stringMatching(/^c: nothing is neither/),
  ]);
});

test('what a record holds is data and nothing else', () => {
  const hostile = [
    '{{ source.secret }}',
    '{% include "/etc/passwd" %}',
    '#{process.env.HOME}',
    'source.secret | uppercase',
    '__proto__',
  ];

  for (const text of hostile) expect(map({ a: 'source.a' }, { a: text, secret: 's' })).toEqual({ a: text });
  const payload = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "c"}') as JsonValue;
  expect(map({ a: 'source.__proto__', b: 'source.constructor', c: 'source.prototype' }, payload)).toEqual({
    a: { polluted: 1 },
    b: 'c',
    c: null,
  });
  expect({}).not.toHaveProperty('polluted');
});

test('any payload is mapped without touching it', () => {
  const compiled = compileMapping(
    { a: 'source.a', b: 'source.b.c | default("x")', whole: 'source', d: 'source[0]' },
    { lookups: {}, names: recordNames },
  );

  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const payload = value as JsonValue;
      const before = JSON.stringify(payload);
      if ('mapping' in compiled) compiled.mapping.apply({ record: payload });

      expect(JSON.stringify(payload)).toBe(before);
    }),
  );
});
