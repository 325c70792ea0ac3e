import type { JsonValue } from '../../../src/domain/json.ts';

/** Enough that whatever grows with the square of it takes many seconds. */
const length = 300_000;
const nested = (open: string, close: string, depth: number) =>
  JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`) as JsonValue;

/** Part of every hostile text that is short, to find it again where it does not belong. */
export const canary = 'CANARY';

/** What people, or programs, put into records to make something else of them. */
export const hostile: Readonly<Record<string, JsonValue>> = {
  template: `${canary} {{ 7 | times: 7 }} {% for x in y %} {{ env.SECRET }} {# x #}`,
  condition: `${canary}" || true || "`,
  code: `${canary}"); process.exit(1); \${7 * 7} \`id\` $(id)`,
  header: `${canary}\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1`,
  nul: `${canary}\u0000b`,
  surrogates: `${canary}\ud800 \udc00`,
  invisible: `\u202e${canary}\u200b\ufeff\u001b[31mred\u001b]0;x\u0007`,
  path: `../../${canary}?a=b#c%2e%2e/`,
  url: `https://evil.example/${canary}`,
  format: `yyyy '${canary}`,
  number: '1152921504606846976',
  endless: '1e999',
  huge: 1e308,
  beyond: 2 ** 60,
  tiny: 5e-324,
  minus: -0,
  flag: false,
  nothing: null,
  empty: '',
  list: [],
  map: {},
  lists: nested('[', ']', 1000),
  maps: nested('{"a":', '}', 1000),
  prototypes: JSON.parse(
    `{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "prototype": 1,
      "toString": 1, "valueOf": 2, "hasOwnProperty": 3, "then": 4, "length": 5, "toJSON": 6}`,
  ) as JsonValue,
  deepPrototypes: JSON.parse(
    '{"a": [{"__proto__": {"polluted": true}}, {"b": {"constructor": {"prototype": {"polluted": 1}}}}]}',
  ) as JsonValue,
  keys: {
    'a.b': 1,
    'a b': 2,
    '{{ x }}': 3,
    '"': 4,
    "'": 5,
    '': 6,
    '\u0000': 7,
    '\ud800': 8,
    'a\r\nb': 9,
    '[0]': 10,
  },
  names: { steps: 1, record: 2, env: { SECRET: 'x' }, item: 5, items: [6], error: 7, result: 8 },
};

/** What only takes time. */
export const large: Readonly<Record<string, JsonValue>> = {
  letters: 'a'.repeat(length),
  spaces: ' '.repeat(length),
  braces: '{{ '.repeat(length / 3),
  digits: `${'9'.repeat(length)}x`,
  slashes: '../'.repeat(length / 3),
  quotes: '"\\'.repeat(length / 2),
  halves: '\ud800'.repeat(length),
  brackets: '['.repeat(length / 2) + ']'.repeat(length / 2),
  numbers: Array.from({ length: 30_000 }, (_, n) => n),
  maps: Array.from({ length: 15_000 }, (_, n) => ({ n })),
  keys: Object.fromEntries(Array.from({ length: 15_000 }, (_, n) => [`k${n}`, n])),
};
