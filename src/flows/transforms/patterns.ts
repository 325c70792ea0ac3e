import { linearPattern } from '../linear-pattern.ts';
import { inUnits } from './characters.ts';
import { maxLength, tooLong } from './text-length.ts';
import { type PipeValue, textArgument, ValueProblem } from './transform.ts';

/** Milliseconds that replacing in one text may take. */
const longestMs = 1000;

/** What is found first, or its first group; undefined: nothing is. */
export function extractPattern(whole: string, [pattern]: readonly PipeValue[]): string | undefined {
  const { text, back } = inUnits(whole, textArgument(pattern));
  const found = compiledPattern(pattern).exec(text);
  const part = found?.[1] ?? found?.[0];
  return part && back(part);
}

/** With every match replaced. */
export function replacePattern(whole: string, [pattern, by]: readonly PipeValue[]): string {
  const regex = compiledPattern(pattern, 'g');
  const template = textArgument(by);
  const { text, back } = inUnits(whole, textArgument(pattern), template);
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
  return back(parts.join('') + text.slice(from));
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
