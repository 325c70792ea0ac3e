import { visibleText } from '../domain/visible-text.ts';

const maxLength = 500;
/** Longer texts are cut first, so that a hostile one costs no time. */
const maxRead = 8_000;

/**
 * Text of others, made fit to be shown: one line, at most 500 characters, without control characters,
 * terminal sequences or anything invisible. Undefined when nothing is left.
 */
export function foreignText(text: string, limit = maxLength): string | undefined {
  const clean = visibleText(text.slice(0, maxRead)).replace(/\s+/g, ' ').trim();
  if (clean === '') return undefined;
  return clean.length <= limit ? clean : `${clean.slice(0, limit - 1).toWellFormed()}…`;
}
