import type { JsonValue } from '../domain/json.ts';
import { visibleText, visibleValue } from '../domain/visible-text.ts';
import { cutTo, tokensOf } from './answer-size.ts';

/** A value from outside as an answer shows it. */
export interface ShownValue {
  readonly value: JsonValue;
  /** Only its beginning is there, as text. */
  readonly isCut: boolean;
}

/**
 * A payload or result without anything invisible, whole when it costs at most so many tokens. Without a limit it is
 * left as it is.
 */
export function shownValue(value: JsonValue, tokens: number): ShownValue {
  if (!Number.isFinite(tokens)) return { value, isCut: false };
  const text = JSON.stringify(value);
  // No text of this length costs so little, and a megabyte would take its time.
  if (text.length <= tokens * 12 && tokensOf(text) <= tokens) {
    return { value: visibleValue(value) as JsonValue, isCut: false };
  }
  // Its quotes get escaped, which costs again.
  return {
    value: { _beginning: cutTo(visibleText(text.slice(0, tokens * 12)), tokens * 0.75) },
    isCut: true,
  };
}
