import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { redactionOf } from '../../src/flows/redaction.ts';
import { fieldsInto, withoutMarks } from '../../src/sources/corrected-payload.ts';

const redaction = redactionOf(['items.iban']);
const hidden = '[redacted]';

type Item = Record<string, JsonValue>;
const [a, b, c]: [Item, Item, Item] = [
  { name: 'a', amount: 1, iban: 'DE1' },
  { name: 'b', amount: 1, iban: 'DE2' },
  { name: 'c', amount: 3, iban: 'DE3' },
];
/** An item as it stands in an export, with what a person made of it. */
const shown = (item: Item, change: Item = {}): Item => ({ ...item, iban: hidden, ...change });

function corrected(items: readonly Item[], given: readonly Item[]): unknown {
  const payload = { items };
  const made = withoutMarks(fieldsInto({ items: given }))([
    { payload, exported: redaction.payload(payload) },
  ]);
  return 'problem' in made ? made.problem : (made.payload as { items: unknown }).items;
}

const longer: Item = { name: 'a', amount: 1, iban: 'DE9', note: 'n' };

test.each<[string, Item[], Item[], Item[]]>([
  ['one is removed', [a, b, c], [shown(b), shown(c)], [b, c]],
  ['they are reordered', [a, b, c], [shown(c), shown(a), shown(b)], [c, a, b]],
  ['one is added', [a, b], [shown(a), c, shown(b)], [a, c, b]],
  ['one is edited', [a, b], [shown(a), shown(b, { name: 'x' })], [a, { ...b, name: 'x' }]],
  ['the only one is edited', [a], [shown(a, { name: 'x', amount: 9 })], [{ ...a, name: 'x', amount: 9 }]],
  [
    'all are edited and each is most like itself',
    [a, c],
    [shown(a, { amount: 7 }), shown(c, { amount: 7 })],
    [
      { ...a, amount: 7 },
      { ...c, amount: 7 },
    ],
  ],
  [
    'a masked value is written anew',
    [a, b],
    [shown(b, { iban: 'DE7' }), shown(a)],
    [{ ...b, iban: 'DE7' }, a],
  ],
  ['their keys come in another order', [a, b], [{ iban: hidden, amount: 1, name: 'b' }, shown(a)], [b, a]],
])('every item of a list keeps its own masked value when %s', (_, items, given, made) => {
  expect(corrected(items, given)).toEqual(made);
});

test.each<[string, Item[], Item[]]>([
  ['an item is copied', [a, b], [shown(a), shown(b), shown(b)]],
  ['a copy takes the place of another item', [a, b], [shown(a), shown(a)]],
  ['an edited copy takes the place of another item', [a, c], [shown(a), shown(a, { amount: 2 })]],
  ['a copy takes the place of an item that says more', [a, longer], [shown(a), shown(a)]],
  ['one is removed and another edited', [a, b, c], [shown(b, { amount: 2 }), shown(c)]],
  [
    'one is removed, one added and the others edited',
    [a, c, b],
    [shown(c, { amount: 4 }), shown(b, { amount: 5 }), a],
  ],
  ['of two that look the same one is removed', [a, { ...a, iban: 'DE8' }], [shown(a)]],
  ['all are others', [a, b], [shown({ name: 'x', amount: 8 }), shown({ name: 'y', amount: 9 })]],
])('a list is refused when nobody can tell whose a masked value is: %s', (_, items, given) => {
  expect(corrected(items, given)).toMatch(/^"items": a list with masked fields was changed .*patch\.set/);
});
