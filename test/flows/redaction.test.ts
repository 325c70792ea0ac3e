import { expect, test } from 'vitest';
import { fullRedaction, noRedaction, redactionOf } from '../../src/flows/redaction.ts';

const payload = {
  name: 'Ada',
  email: 'Ada.L@Example.com ',
  'home.phone': '+49 123 4567 890',
  address: { street: 'Long Lane 5', city: 'Berlin' },
  orders: [
    { card: 4111111111111111, sum: 5 },
    { card: 'x"y"z', sum: 7 },
  ],
  note: '',
};
const redaction = redactionOf([
  'email',
  'home.phone',
  'address.street',
  'orders[].card',
  'note',
  'absent.key',
]);

test('fields are masked at any depth, in lists and under keys with dots; the payload itself stays', () => {
  const before = structuredClone(payload);

  expect(redaction.payload(payload)).toEqual({
    ...before,
    email: '[redacted]',
    'home.phone': '[redacted]',
    address: { street: '[redacted]', city: 'Berlin' },
    orders: [
      { card: '[redacted]', sum: 5 },
      { card: '[redacted]', sum: 7 },
    ],
  });
  expect(payload).toEqual(before);
  expect(redaction.payload([payload, { email: 1 }, 3])).toEqual([
    redaction.payload(payload),
    { email: '[redacted]' },
    3,
  ]);
});

test.for([
  ['the address ada.l@example.com is taken', 'the address [redacted] is taken'],
  ['GET /customers/Ada.L%40Example.com', 'GET /customers/[redacted]'],
  ['card 4111111111111111 is no card', 'card [redacted] is no card'],
  ['{"card": "x\\"y\\"z"}', '{"card": "[redacted]"}'],
  ['call 491234567890 or +49 (123) 4567-890', 'call [redacted] or [redacted]'],
  ['Berlin is no street', 'Berlin is no street'],
  ['cut in the middle of Long Lan…', 'cut in the middle of [redacted]…'],
] as const)('a text that repeats a field is masked there: %s', ([text, expected]) => {
  expect(redaction.text(text, payload)).toBe(expected);
});

test('values inside answers are masked, keys and numbers too', () => {
  const answer = { 'Long Lane 5': [4111111111111111, 5], said: 'no ADA.L@EXAMPLE.COM here' };

  expect(redaction.within(answer, payload)).toEqual({
    '[redacted]': ['[redacted]', 5],
    said: 'no [redacted] here',
  });
});

test('a failure keeps its cause and loses the values', () => {
  const failure = {
    class: 'data',
    code: 'http_422',
    message: 'Long Lane 5?',
    untrustedMessage: 'ada.l@example.com!',
  } as const;

  expect(redaction.failure(failure, payload)).toEqual({
    ...failure,
    message: '[redacted]?',
    untrustedMessage: '[redacted]!',
  });
});

test('a flow that names no fields costs nothing, and one that nobody can read shows nothing', () => {
  expect(redactionOf([])).toBe(noRedaction);
  expect(redactionOf(undefined).payload(payload)).toBe(payload);
  expect(fullRedaction.payload(payload)).toBe('[redacted]');
});

test('special keys are keys like any other', () => {
  const odd = JSON.parse('{"__proto__": {"email": "a@b.cd"}, "constructor": 1}');

  const masked = redactionOf(['__proto__.email', 'constructor']).payload(odd);

  expect(JSON.stringify(masked)).toBe('{"__proto__":{"email":"[redacted]"},"constructor":"[redacted]"}');
});

test('what is left of a row that could not be read may hold any field', () => {
  expect(redaction.payload({ _text: 'a "b,ada@x.com' })).toEqual({ _text: '[redacted]' });
  expect(redaction.payload({ _too_large: 9, _preview: 'ada@x.com' })).toEqual({
    _too_large: 9,
    _preview: '[redacted]',
  });
  expect(redaction.payload({ name: 'L', city: 'ada@x.com', _cell_3: '' })).toEqual({
    name: '[redacted]',
    city: '[redacted]',
    _cell_3: '[redacted]',
  });
});

test.for([
  ['of two lines', 'Hauptstr. 1\n1010 Wien', 'no delivery to Hauptstr. 1 1010 Wien'],
  ['with two blanks', 'Ring  5, Linz', 'no delivery to Ring 5, Linz'],
  ['with a soft hyphen', 'Donau\u00addampf', 'no delivery to Donaudampf'],
  ['in a query', 'Jane Doe', 'no delivery to Jane+Doe'],
  ['in a form', "O'Brien & +43", 'no delivery to O%27Brien+%26+%2B43'],
])('a value %s is found as it is shown and sent', ([, secret, said]) => {
  expect(redactionOf(['secret']).text(String(said), { secret: String(secret) })).toBe(
    'no delivery to [redacted]',
  );
});

test.for([
  ['prose', 'Patient reports pain since Monday; blood pressure 140/90. '],
  ['Cyrillic', 'Пациент жалуется на боль с понедельника. '],
  ['emoji', 'a😀b '],
])('a value of a hundred thousand characters is masked: %s', ([, words]) => {
  const secret = String(words)
    .repeat(Math.ceil(100_000 / String(words).length))
    .trim();
  const redaction = redactionOf(['secret']);

  expect(redaction.text(`said ${secret.toUpperCase()} twice: ${secret}!`, { secret })).toBe(
    'said [redacted] twice: [redacted]!',
  );
  expect(redaction.text('nothing of it', { secret })).toBe('nothing of it');
  const almost = `${secret.slice(0, -9)}#${secret.slice(-8)}`;
  expect(redaction.text(almost, { secret })).toBe(almost);
});

test('the values of thousands of records are masked', () => {
  const payloads = Array.from({ length: 5000 }, (_, n) => ({ email: `person.${n}@example.com` }));

  expect(redactionOf(['email']).texts('to PERSON.4999@example.com and person.12@example.com', payloads)).toBe(
    'to [redacted] and [redacted]',
  );
});
