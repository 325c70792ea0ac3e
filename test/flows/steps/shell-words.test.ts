import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeWord, type ShellWord, splitWords } from '../../../src/flows/steps/shell-words.ts';

/** Places are written as `<0>`, `<1>`, … */
function split(text: string) {
  const places = [...text.matchAll(/<\d>/g)].map(({ index }) => ({ begin: index, end: index + 3 }));
  return splitWords(text, places);
}

test.each<[string, readonly ShellWord[]]>([
  ['a b  c', [['a'], ['b'], ['c']]],
  ['  a\tb\n', [['a'], ['b']]],
  ['a "b c" \'d e\'', [['a'], ['b c'], ['d e']]],
  ['a\\ b "" c', [['a b'], [''], ['c']]],
  ['a --x="b"\'c\'', [['a'], ['--x=bc']]],
  ['a "\\"b\\\\\\c"', [['a'], ['"b\\\\c']]],
  ["a '|&;*$'", [['a'], ['|&;*$']]],
  ['a \\| \\*', [['a'], ['|'], ['*']]],
  ['a <0>', [['a'], [0]]],
  ['a --x=<0>/<1> "<2> b"', [['a'], ['--x=', 0, '/', 1], ['', 2, ' b']]],
  ['a \\\nb', [['a'], ['b']]],
])('%j is split as a shell splits it', (text, words) => {
  expect(split(text)).toEqual({ words });
});

/** The words of each text behind a first one, in one process for all. */
function splitByShell(texts: readonly string[]): string[][] {
  const script = `for text in "$@"; do eval "printf '%s\\0' x $text"; printf '\\1\\0'; done`;
  const { stdout } = spawnSync('/bin/sh', ['-c', script, 'sh', ...texts], { encoding: 'utf8' });
  return stdout
    .split('\u0001\0')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1));
}

test('a text is split as sh splits it, or refused', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'b=',
      '-',
      ' ',
      '  ',
      '\t',
      "'",
      '"',
      '\\',
      '{',
      '}',
      '!',
      '%',
      '/',
      '.',
      '~',
      '#',
      '$',
      '*',
      '\\\n',
      'é',
    ],
  );
  const text = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
  const sameAsShell = (texts: readonly string[]) => {
    const found = texts.flatMap((each) => {
      const split = splitWords(`x ${each}`, []);
      return 'problem' in split ? [] : [{ text: each, words: split.words.map((word) => word.join('')) }];
    });
    expect(found.length).toBeGreaterThan(50);
    expect(found.map(({ words }) => words)).toEqual(splitByShell(found.map((each) => each.text)));
  };

  fc.assert(fc.property(fc.array(text, { minLength: 300, maxLength: 300 }), sameAsShell), { numRuns: 1 });
});

const inQuotes = (character: string) =>
  `no shell reads a command; in quotes ${character} would be a plain character`;

test.each<[text: string, at: number, message: string, suggestion: string]>([
  ['ls *.csv', 3, inQuotes('*'), "write script: 'ls *.csv'"],
  ['cat <0> | wc -l', 8, inQuotes('|'), `write script: 'cat "$1" | wc -l' and args: ['<0>']`],
  ['a "<0> x" && b', 10, inQuotes('&'), `write script: 'a "$1 x" && b' and args: ['<0>']`],
  ["a '<0>' > b", 8, inQuotes('>'), `write script: "a ''\\"$1\\"'' > b" and args: ['<0>']`],
  ['echo $HOME', 5, inQuotes('$'), "write script: 'echo $HOME'"],
  ['echo `id`', 5, inQuotes('`'), "write script: 'echo `id`'"],
  ['echo ~/a', 5, inQuotes('~'), "write script: 'echo ~/a'"],
  ['A=1 env', 1, inQuotes('='), "write script: 'A=1 env'"],
  ['a; b', 1, inQuotes(';'), "write script: 'a; b'"],
  ['a\nb', 1, 'a second line is a second command, which only a shell runs', 'write script: "a\\nb"'],
  ['a "b', 2, 'a quote is not closed', 'close it, or write \\ before it'],
])('%j needs a shell', (text, at, message, suggestion) => {
  expect(split(text)).toEqual({ problem: { at, message, suggestion } });
});

test('the rewrite inside double quotes names single quotes as the way out', () => {
  expect(split('a "$b"')).toMatchObject({
    problem: { message: 'no shell reads a command; in single quotes $ would be a plain character' },
  });
});

test.each<[string, number | undefined]>([
  ['sh -c "echo <0>"', 2],
  ['/bin/bash -ec "<0>" x', 2],
  ['env A sh -c <0>', 4],
  ['python3 -c "print(<0>)"', 2],
  ['node --eval <0>', 2],
  ['sh -c "echo $1" sh <0>', undefined],
  ["sh -c 'echo' sh <0>", undefined],
  ['grep -e <0>', undefined],
  ['python3 /a/b.py <0>', undefined],
])('in %j the word with code from a record is %j', (text, word) => {
  const found = split(text);

  expect('words' in found ? codeWord(found.words) : undefined).toBe(word);
});
