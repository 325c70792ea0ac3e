import { TokenKind } from 'liquidjs';
import type { Names } from './names.ts';
import type { PipeProblem } from './pipe-cursor.ts';

/** A piece of a template, as LiquidJS finds it. */
export interface TemplateToken {
  readonly kind: TokenKind;
  readonly begin: number;
  readonly end: number;
  readonly contentRange?: readonly [number, number];
  /** Of a text: characters that `{{-` takes away. Of a place: whether it does. */
  readonly trimLeft: number | boolean;
  readonly trimRight: number | boolean;
}

const maxPlaces = 1_000;

/** What is in a template besides texts and places: tags, comments, places with the wrong braces. */
export function formProblem(
  text: string,
  tokens: readonly TemplateToken[],
  names: Names,
): PipeProblem | undefined {
  const tag = tokens.find(
    ({ kind, contentRange }) => kind !== TokenKind.HTML && !isPlace(kind, contentRange),
  );
  if (tag !== undefined) return tagProblem(text.slice(tag.begin, tag.begin + 100), tag.begin, names);
  if (tokens.length > 2 * maxPlaces) return { at: 0, message: `has more than ${maxPlaces} places` };
  if (!names.roots.has('steps')) return undefined;
  for (const { kind, begin, end } of tokens) {
    const problem = kind === TokenKind.HTML ? textProblem(text.slice(begin, end), begin) : undefined;
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isPlace(kind: TokenKind, contentRange: TemplateToken['contentRange']): boolean {
  return kind === TokenKind.Output && contentRange !== undefined;
}

function tagProblem(tag: string, at: number, names: Names): PipeProblem {
  const message = 'tags ({% %}) are not available';
  if (!names.roots.has('steps')) return { at, message, suggestion: 'use {{ source.field | … }}' };
  const word = /^\{%-?\s{0,20}([a-z]{1,20})/.exec(tag)?.[1] ?? '';
  const suggestion = Object.hasOwn(tagAdvice, word) ? tagAdvice[word] : undefined;
  return {
    at,
    message,
    suggestion: suggestion ?? 'use {{ record.field | … }}, when: for conditions and for_each: for loops',
  };
}

const forConditions = 'use when: on the step, or type: switch';
const forLoops = 'use for_each: on the step, or type: batch';
const forValues = 'let an earlier step make the value, such as type: transform';
const tagAdvice: Readonly<Partial<Record<string, string>>> = {
  if: forConditions,
  unless: forConditions,
  case: forConditions,
  for: forLoops,
  set: forValues,
  assign: forValues,
  capture: forValues,
  comment: 'write comments in the file, after #',
};

/** Braces that were meant for a place: `{# … #}`, `{record.name}`, `${record.name}`. */
function textProblem(text: string, begin: number): PipeProblem | undefined {
  const comment = text.indexOf('{#');
  if (comment >= 0 && text.indexOf('#}', comment) > 0) {
    const message = 'comments ({# #}) are not available';
    return { at: begin + comment, message, suggestion: 'write comments in the file, after #' };
  }
  const single = singleBraces.exec(text);
  if (single?.[1] === undefined) return undefined;
  const suggestion = `write {{ ${single[1]} }}`;
  return { at: begin + single.index, message: 'a place has two braces at both ends', suggestion };
}

const singleBraces =
  /\$?\{\s{0,9}((?:record|source|item|steps|env|params|batch|job|counts)\.[\p{L}\p{N}_.]{1,100})\s{0,9}\}{1,2}/u;

/** Of a template whose braces do not come in pairs. */
export function unclosedPlace(text: string, names: Names): PipeProblem {
  const tag = text.indexOf('{%');
  if (tag >= 0 && text.indexOf('%}', tag) > 0) return tagProblem(text.slice(tag, tag + 100), tag, names);
  const at = Math.max(text.lastIndexOf('{{'), text.lastIndexOf('{%'), 0);
  const owner = names.roots.has('steps') ? 'record' : 'source';
  return { at, message: 'the braces are not closed', suggestion: `write {{ ${owner}.field }}` };
}
