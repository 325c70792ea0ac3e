import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { compilePatch } from '../../src/flows/payload-patch.ts';

const set = (payload: JsonValue, field: string, value: JsonValue) =>
  compilePatch({ set: { [field]: value } })(payload);

test('a field of an item of a list is set, and the rest of the list stays', () => {
  const lines = [
    { sku: 'a', n: 1 },
    { sku: 'b', n: 2 },
  ];

  expect(set({ lines }, 'lines.1.sku', 'X')).toEqual({ lines: [lines[0], { sku: 'X', n: 2 }] });
});

test.each<[payload: JsonValue, field: string, message: string]>([
  [
    { lines: [{}, {}] },
    'lines.2.sku',
    'set lines.2.sku: lines is a list of 2, whose items are counted from 0',
  ],
  [{ lines: [{}, {}] }, 'lines.sku', 'set lines.sku: lines is a list of 2, whose items are counted from 0'],
  [{ tags: [] }, 'tags.0', 'set tags.0: tags is a list of 0, whose items are counted from 0'],
  [{ a: { b: 'Main St 1' } }, 'a.b.c', 'set a.b.c: a.b is a value without fields'],
  [{ a: false }, 'a.b', 'set a.b: a is a value without fields'],
])('in %j nothing gives way to %s', (payload, field, message) => {
  expect(() => set(payload, field, 'X')).toThrow(
    expect.objectContaining({ failure: { class: 'data', code: 'patch_not_applicable', message } }),
  );
});

test.each<[payload: JsonValue, patched: JsonValue]>([
  [{}, { a: { b: 1 } }],
  [{ a: null }, { a: { b: 1 } }],
  [{ a: '' }, { a: { b: 1 } }],
  [{ a: { c: 2 } }, { a: { b: 1, c: 2 } }],
  ['a row that could not be read', { a: { b: 1 } }],
  [['a', 'row'], { a: { b: 1 } }],
])('in %j a nested field is made where there is none', (payload, patched) => {
  expect(set(payload, 'a.b', 1)).toEqual(patched);
});

test.each<[payload: JsonValue, field: string, patched: JsonValue]>([
  [{ 'Nr.': 1 }, 'Nr.', { 'Nr.': 'X' }],
  [{ 'Nr.': 1 }, '["Nr."]', { 'Nr.': 'X' }],
  [{}, '["Nr."]', { 'Nr.': 'X' }],
  [{ a: 1 }, 'payload["since when"]', { a: 1, 'since when': 'X' }],
  [{ lines: [{ n: 1 }, { n: 2 }] }, 'lines[1].n', { lines: [{ n: 1 }, { n: 'X' }] }],
  [{ 'a[0]': 1 }, 'a[0]', { 'a[0]': 'X' }],
  [{}, 'price [EUR', { 'price [EUR': 'X' }],
])('in %j the name %s is read as a path of a pipe where it is one', (payload, field, patched) => {
  expect(set(payload, field, 'X')).toEqual(patched);
});

test('a name that ends in a dot and is no field is refused with the way to write it', () => {
  expect(() => set({ nr: 1 }, 'Nr.', 'X')).toThrow(
    expect.objectContaining({
      failure: {
        class: 'data',
        code: 'patch_not_applicable',
        message: 'set Nr.: no field has this name; one with a dot in it is written ["Nr."]',
      },
    }),
  );
  expect(() => set({}, '["__proto__"].x', 1)).toThrow('"__proto__" cannot be part of a field\'s name');
});
