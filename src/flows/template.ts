import { Tokenizer, TokenKind } from 'liquidjs';
import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { compilePipe } from './compile-pipe.ts';
import type { ExpectedField } from './flow.ts';
import type { Lookups } from './pipe-arguments.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { isAbsent, omitted, type PipeValue } from './transforms/transform.ts';

/** A text with `{{ pipes }}` in it, ready to be filled for every record. */
export interface Template {
  readonly reads: readonly ExpectedField[];
  /**
   * Fills each place with its value, encoded. When one of them has none the whole text is undefined, or
   * the record fails, as it was compiled.
   *
   * @throws RecordFailure of class data.
   */
  readonly fill: (payload: JsonValue, encode: (value: string) => string) => string | undefined;
}

type Part = string | ((payload: JsonValue) => PipeValue | typeof omitted);

/**
 * Compiles `/customers/{{ source.id }}`. LiquidJS finds the places; what stands in them is a pipe of the
 * mapping language. A record's own braces are never looked at.
 */
export function compileTemplate(
  text: string,
  field: string,
  lookups: Lookups,
  required = false,
): { template: Template } | { problems: readonly PipeProblem[] } {
  const tokens = tokensOf(text);
  if ('problem' in tokens) return { problems: [tokens.problem] };

  const parts: Part[] = [];
  const reads: ExpectedField[] = [];
  const problems: PipeProblem[] = [];
  for (const token of tokens.tokens) {
    if (token.kind === TokenKind.HTML) {
      parts.push(text.slice(token.begin, token.end));
      continue;
    }
    const compiled = compilePlace(text, token, field, lookups, required);
    if ('problems' in compiled) {
      problems.push(...compiled.problems);
      continue;
    }
    reads.push(...compiled.pipe.reads);
    parts.push(compiled.pipe.evaluate);
  }
  if (problems.length > 0) return { problems };
  return { template: { reads, fill: (payload, encode) => filled(parts, field, payload, encode) } };
}

function compilePlace(
  text: string,
  { kind, begin, contentRange }: Token,
  field: string,
  lookups: Lookups,
  required: boolean,
): ReturnType<typeof compilePipe> {
  if (kind !== TokenKind.Output || contentRange === undefined) {
    const suggestion = 'use {{ source.field | … }}';
    return { problems: [{ at: begin, message: 'tags ({% %}) are not available', suggestion }] };
  }
  const [from, to] = contentRange;
  const compiled = compilePipe(text.slice(from, to), field, lookups, required);
  if ('pipe' in compiled) return compiled;
  return { problems: compiled.problems.map((problem) => ({ ...problem, at: from + problem.at })) };
}

/** What a template says whatever the record holds: every place is an `x`. Undefined when it is no template. */
export function fixedText(text: string): string | undefined {
  const read = tokensOf(text);
  if ('problem' in read) return undefined;
  return read.tokens
    .map(({ kind, begin, end }) => (kind === TokenKind.HTML ? text.slice(begin, end) : 'x'))
    .join('');
}

interface Token {
  readonly kind: TokenKind;
  readonly begin: number;
  readonly end: number;
  readonly contentRange?: readonly [number, number];
}

function tokensOf(text: string): { tokens: readonly Token[] } | { problem: PipeProblem } {
  try {
    return { tokens: new Tokenizer(text).readTopLevelTokens() as readonly Token[] };
  } catch {
    const at = Math.max(text.lastIndexOf('{{'), text.lastIndexOf('{%'), 0);
    return { problem: { at, message: 'the braces are not closed', suggestion: 'write {{ source.field }}' } };
  }
}

function filled(
  parts: readonly Part[],
  field: string,
  payload: JsonValue,
  encode: (value: string) => string,
): string | undefined {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const value = part(payload);
    if (value === omitted || isAbsent(value)) return undefined;
    if (typeof value === 'object') {
      const message = `${field}: a list or an object cannot stand inside a text; use join or json`;
      throw new RecordFailure({ class: 'data', code: 'text_expected', message, step: field });
    }
    text += encode(String(value));
  }
  return text;
}
