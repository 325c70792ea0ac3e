import { createHash } from 'node:crypto';
import { linearPattern } from '../linear-pattern.ts';
import { cutCharacters, fillFor } from './characters.ts';
import {
  type ArgumentRule,
  numberArgument,
  type PipeValue,
  type Transform,
  textArgument,
  textTransform,
  ValueProblem,
} from './transform.ts';

const search: ArgumentRule = { name: 'search', kind: 'search' };
const pattern: ArgumentRule = { name: 'pattern', kind: 'pattern' };
const replacement: ArgumentRule = { name: 'replacement', kind: 'text' };
const width: ArgumentRule = { name: 'width', kind: 'count' };
const fill: ArgumentRule = { name: 'fill', kind: 'text', optional: true };

const maxLength = 1_000_000;
/** Milliseconds that replacing in one text may take. */
const longestMs = 1000;

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
    (text, [given]) => {
      const found = compiledPattern(given).exec(text);
      return found?.[1] ?? found?.[0];
    },
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

function replacePattern(text: string, [pattern, by]: readonly PipeValue[]): string {
  const regex = compiledPattern(pattern, 'g');
  const template = textArgument(by);
  const begun = performance.now();
  const parts: string[] = [];
  let length = 0;
  let from = 0;
  regex.lastIndex = 0;
  for (let found = regex.exec(text); found !== null; found = regex.exec(text)) {
    // One search takes time in proportion to the text, and there may be as many as it has characters.
    if (performance.now() - begun > longestMs)
      throw new ValueProblem('text_too_long', 'takes too long to replace in');
    const filled = filledIn(template, found);
    length += found.index - from + filled.length;
    if (length > maxLength) throw tooLong();
    parts.push(text.slice(from, found.index), filled);
    from = found.index + found[0].length;
    if (found[0] === '') regex.lastIndex++;
  }
  return parts.join('') + text.slice(from);
}

const filledIn = (template: string, found: RegExpExecArray) =>
  template.replace(/\$([$&1-9])/g, (_, sign: string) =>
    sign === '$' ? '$' : (found[sign === '&' ? 0 : Number(sign)] ?? ''),
  );

const compiled = new Map<string, RegExp>();
const compiledAtMost = 500;

/** Patterns stand in flows, so that there are few, and a list has many items. */
function compiledPattern(pattern: PipeValue, flags: '' | 'g' = ''): RegExp {
  const key = `${flags}/${textArgument(pattern)}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  if (compiled.size >= compiledAtMost) compiled.clear();
  const made = linearPattern(textArgument(pattern), flags);
  compiled.set(key, made);
  return made;
}

const tooLong = () => new ValueProblem('text_too_long', `would grow beyond ${maxLength} characters`);

function slug(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .join('-');
}
