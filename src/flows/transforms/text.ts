import { createHash } from 'node:crypto';
import { cutCharacters, fillFor } from './characters.ts';
import { extractPattern, replacePattern } from './patterns.ts';
import { maxLength, tooLong } from './text-length.ts';
import {
  type ArgumentRule,
  numberArgument,
  type PipeValue,
  type Transform,
  textArgument,
  textTransform,
} from './transform.ts';

const search: ArgumentRule = { name: 'search', kind: 'search' };
const pattern: ArgumentRule = { name: 'pattern', kind: 'pattern' };
const replacement: ArgumentRule = { name: 'replacement', kind: 'text' };
const width: ArgumentRule = { name: 'width', kind: 'count' };
const fill: ArgumentRule = { name: 'fill', kind: 'text', optional: true };

export const textTransforms: readonly Transform[] = [
  textTransform('uppercase', 'All letters large.', [], (text) => text.toUpperCase(), ['upcase', 'upper']),
  textTransform('lowercase', 'All letters small.', [], (text) => text.toLowerCase(), ['downcase', 'lower']),
  textTransform('trim', 'Without white space at both ends.', [], (text) => text.trim(), ['strip']),
  textTransform('capitalize', 'First letter large, the rest as it is.', [], capitalize),
  textTransform('replace', 'With the first match replaced.', [search, replacement], (text, args) =>
    // A function, because "$&" in a replacement would mean something to String.replace.
    text.replace(textArgument(args[0]), () => textArgument(args[1])),
  ),
  textTransform('replace_all', 'With every match replaced.', [search, replacement], replaceAll),
  textTransform(
    'replace_pattern',
    'With every match of a regular expression replaced; $1 is its first group: replace_pattern("^00", "+").',
    [pattern, replacement],
    replacePattern,
    ['regex_replace'],
  ),
  textTransform(
    'extract',
    'What a regular expression finds first, or its first group: extract("([0-9]+) kg"). Nothing when it finds none.',
    [pattern],
    extractPattern,
    ['regex_extract'],
  ),
  textTransform(
    'substring',
    'The characters from start (the first is 0) up to, not including, end.',
    [
      { name: 'start', kind: 'count' },
      { name: 'end', kind: 'count', optional: true },
    ],
    (text, [start, end]) =>
      cutCharacters(text, numberArgument(start), typeof end === 'number' ? end : undefined),
  ),
  textTransform(
    'truncate',
    'At most this many characters.',
    [{ name: 'length', kind: 'count' }],
    (text, args) => cutCharacters(text, 0, numberArgument(args[0])),
  ),
  textTransform(
    'pad_left',
    'Filled up at the left: 7 | pad_left(3, "0") is "007".',
    [width, fill],
    (text, args) => fillFor(text, numberArgument(args[0]), textArgument(args[1], ' ')) + text,
  ),
  textTransform('pad_right', 'Filled up at the right.', [width, fill], (text, args) => {
    return text + fillFor(text, numberArgument(args[0]), textArgument(args[1], ' '));
  }),
  textTransform('slug', 'Small letters, digits and dashes: "Crème Brûlée" is "creme-brulee".', [], slug),
  textTransform('url_encode', 'Encoded for use in a URL.', [], (text) =>
    encodeURIComponent(text.toWellFormed()),
  ),
  textTransform(
    'escape_xml',
    'Fit to stand in XML or HTML, between tags or in quotes: "R&D" is "R&amp;D".',
    [],
    escapeMarkup,
    ['escape_html', 'escape', 'e'],
  ),
  textTransform('hash', 'SHA-256 of the text, as hexadecimal digits.', [], (text) =>
    createHash('sha256').update(text).digest('hex'),
  ),
];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are left out: no XML can hold them. */
function escapeMarkup(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)
    .replace(/[\p{Cc}\uFFFE\uFFFF]/gu, (control) => (/[\t\n\r\u0080-\u009f]/.test(control) ? control : ''));
}

function capitalize(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length);
}

function replaceAll(text: string, [wanted, by]: readonly PipeValue[]): string {
  const search = textArgument(wanted);
  if (search === '') return text;
  const parts = text.split(search);
  const length = text.length + (parts.length - 1) * textArgument(by).length;
  if (length > maxLength) throw tooLong();
  return parts.join(textArgument(by));
}

function slug(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .join('-');
}
