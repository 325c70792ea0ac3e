import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAst } from 'vitest/node';
import { cpuMs } from '../../support/cpu-time.ts';

const source = new URL('../../../src/', import.meta.url);
const filesIn = (folder: string, fits: RegExp) =>
  readdirSync(new URL(folder, source))
    .filter((name) => fits.test(name))
    .map((name) => folder + name);
const files = [
  ...filesIn('flows/', /\.ts$/),
  ...filesIn('flows/steps/', /^(http|transform|echo|fail|switch|batch|aggregate).*\.ts$/),
  ...filesIn('flows/transforms/', /\.ts$/),
  ...filesIn('connectors/', /^(yaml|file|foreign|did).*\.ts$/),
];

/** Patterns that see short texts only, with the reason. */
const short = new Map([
  ['/^([+-]?)\\s*[$€£¥]\\s*|\\s*[$€£¥]$/g', 'texts of more than 100 characters are no numbers'],
  ['/[\\s,]*$/y', 'words of a field have 1,000 characters at most'],
  ['/(-?\\d+(?:\\.\\d+)?)?\\.\\.(-?\\d+(?:\\.\\d+)?)?(?:\\s+(?:characters|items)\\b)?/y', 'the same'],
  ['/^(.*?)[\\s,]+required\\s*$/s', 'the same'],
  [
    '/(\\\\x[0-9a-f]{2}|\\\\u[0-9a-f]{4}|\\\\[\\s\\S]|\\[(?:\\\\[\\s\\S]|[^\\]\\\\])*\\]|[^\\\\[()|^$])(?:\\{(\\d{1,4})(?:(,)(\\d{0,4}))?\\}(\\??))?/gi',
    'patterns of schemas have 500 characters at most',
  ],
]);

const patterns = files.flatMap((file) =>
  regexesIn(parseAst(readFileSync(new URL(file, source), 'utf8'), { lang: 'ts' }))
    .filter((pattern) => !short.has(pattern))
    .map((pattern) => ({ file, pattern })),
);

function regexesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { regex, raw } = node as { readonly regex?: unknown; readonly raw?: string };
  return regex === undefined ? Object.values(node).flatMap(regexesIn) : [raw ?? ''];
}

/** Characters enough that whatever grows with their square takes many seconds. */
const length = 250_000;
const hostile = [
  ...[
    'a',
    ' ',
    '9',
    '{',
    '{{ ',
    '/',
    '"',
    "'",
    '\\',
    '.',
    'a.',
    ', ',
    '-',
    '| ',
    '(',
    '%2e',
    '1,',
    '\u001b[',
    'é',
  ],
].map((unit) => unit.repeat(length / unit.length));
const beginnings = ['', '{{ env.', 'https://', '$(ls ', '{record.', '3x fixed('];

test.each(patterns)('$pattern of $file takes no time over a long text', ({ pattern }) => {
  const end = pattern.lastIndexOf('/');
  const regex = new RegExp(pattern.slice(1, end), pattern.slice(end + 1).replace('y', 'g'));

  for (const [at, text] of hostile.entries()) {
    const whole = `${beginnings[at % beginnings.length]}${text}\u0000`;
    expect(quickest(regex, whole)).toBeLessThan(50);
  }
});

/** Milliseconds of the fastest of three runs: other programs need the processor, too. */
function quickest(regex: RegExp, text: string): number {
  let least = Infinity;
  for (let tries = 0; tries < 3 && least > 25; tries++) {
    regex.lastIndex = 0;
    const begun = cpuMs();
    regex.test(text);
    least = Math.min(least, cpuMs() - begun);
  }
  return least;
}
