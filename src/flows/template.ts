import { Tokenizer, TokenKind } from 'liquidjs';
import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { compilePipe, type PathRead, type PipeSite } from './compile-pipe.ts';
import type { Names, Scope } from './names.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { formProblem, type TemplateToken as Token, unclosedPlace } from './template-form.ts';
import { isAbsent, omitted, type PipeValue } from './transforms/transform.ts';

/** A text with `{{ pipes }}` in it, ready to be filled for every record. */
export interface Template {
  readonly reads: readonly PathRead[];
  /** Nothing in it depends on a record. */
  readonly fixed: boolean;
  /** In the order of the text. */
  readonly places: readonly TemplatePlace[];
  /**
   * Fills each place with its value, encoded. When one of them has none the whole text is undefined, or
   * the record fails, as it was compiled.
   *
   * @throws RecordFailure of class data.
   */
  readonly fill: (scope: Scope, encode: (value: string) => string) => string | undefined;
  /**
   * A text that is one place alone keeps the type of its value; in a longer text lists and objects become
   * JSON and null an empty text.
   *
   * @throws RecordFailure of class data.
   */
  readonly value: (scope: Scope) => PipeValue | typeof omitted;
}

type Place = (scope: Scope) => PipeValue | typeof omitted;

/** One place of a template: where it stands in the text, braces included, and what it comes to. */
export interface TemplatePlace {
  readonly begin: number;
  readonly end: number;
  /** @throws RecordFailure of class data. */
  readonly value: Place;
}
type Part = string | Place;

/**
 * Compiles `/customers/{{ source.id }}`. LiquidJS finds the places; what stands in them is a pipe of the
 * mapping language. A record's own braces are never looked at.
 */
export function compileTemplate(
  text: string,
  field: string,
  site: PipeSite,
): { template: Template } | { problems: readonly PipeProblem[] } {
  const tokens = tokensOf(text);
  if (tokens === undefined) return { problems: [unclosedPlace(text, site.names)] };
  const wrong = formProblem(text, tokens, site.names);
  if (wrong !== undefined) return { problems: [wrong] };

  const parts: Part[] = [];
  const places: TemplatePlace[] = [];
  const reads: PathRead[] = [];
  const problems: PipeProblem[] = [];
  for (const token of tokens) {
    if (token.kind === TokenKind.HTML) {
      parts.push(text.slice(token.begin + Number(token.trimLeft), token.end - Number(token.trimRight)));
      continue;
    }
    const compiled = compilePlace(text, token, field, site);
    if ('problems' in compiled) {
      problems.push(...compiled.problems);
      continue;
    }
    reads.push(...compiled.pipe.reads);
    parts.push(compiled.pipe.evaluate);
    places.push({ begin: token.begin, end: token.end, value: compiled.pipe.evaluate });
  }
  if (problems.length > 0) return { problems };
  return { template: { ...templateOf(text, parts, reads, field, site), places } };
}

function templateOf(
  text: string,
  parts: readonly Part[],
  reads: readonly PathRead[],
  field: string,
  site: PipeSite,
): Omit<Template, 'places'> {
  const [only] = parts;
  const fixed = parts.every((part) => typeof part === 'string');
  const value = parts.length === 1 && typeof only === 'function' ? only : joiner(parts);
  return {
    reads,
    fixed,
    fill: (scope, encode) => filled(parts, field, site.names, scope, encode),
    value: fixed ? () => text : value,
  };
}

function compilePlace(
  text: string,
  { contentRange = [0, 0] }: Token,
  field: string,
  site: PipeSite,
): ReturnType<typeof compilePipe> {
  const [from, to] = contentRange;
  const compiled = compilePipe(text.slice(from, to), field, site);
  if ('pipe' in compiled) return compiled;
  return { problems: compiled.problems.map((problem) => ({ ...problem, at: from + problem.at })) };
}

/** What a template says whatever the record holds: every place is an `x`. Undefined when it is no template. */
export function fixedText(text: string, place = 'x'): string | undefined {
  return tokensOf(text)
    ?.map(({ kind, begin, end }) => (kind === TokenKind.HTML ? text.slice(begin, end) : place))
    .join('');
}

function tokensOf(text: string): readonly Token[] | undefined {
  try {
    return new Tokenizer(text).readTopLevelTokens() as readonly Token[];
  } catch {
    return undefined;
  }
}

function filled(
  parts: readonly Part[],
  field: string,
  names: Names,
  scope: Scope,
  encode: (value: string) => string,
): string | undefined {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const value = part(scope);
    if (value === omitted || isAbsent(value)) return undefined;
    if (typeof value === 'object') {
      const message = `${field}: a list or an object cannot stand inside a text; use join or json`;
      const step = names.roots.has('steps') ? {} : { step: field };
      throw new RecordFailure({ class: 'data', code: 'text_expected', message, ...step });
    }
    text += encode(String(value));
  }
  return text;
}

function joiner(parts: readonly Part[]): (scope: Scope) => string {
  return (scope) => parts.map((part) => (typeof part === 'string' ? part : asWritten(part(scope)))).join('');
}

/** A value as it stands inside a text. */
export function asWritten(value: JsonValue | undefined | typeof omitted): string {
  if (value === undefined || value === omitted || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
