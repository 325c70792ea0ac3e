/** A stretch of a statement in which nothing is code. */
export interface SqlStretch {
  readonly kind: 'text' | 'name' | 'dollar' | 'comment';
  readonly begin: number;
  readonly end: number;
}

/** A statement of which the code is known apart from texts, quoted names and comments. */
export interface SqlText {
  readonly stretches: readonly SqlStretch[];
  /** As long as the statement, with spaces in place of the stretches. */
  readonly code: string;
}

// A doubled quote inside a text reads as two texts side by side, which comes to the same.
const opening =
  /(?<escaped>(?<![\p{L}\p{N}_$])e'(?:[^'\\]|''|\\[\s\S])*(?:'|$))|(?<text>'[^']*(?:'|$))|(?<name>"[^"]*(?:"|$))|(?<dollar>(?<![\p{L}\p{N}_$])\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?(?:\$\k<tag>\$|$))|(?<line>--[^\n]*)|(?<block>\/\*)/giu;

/** Reads a statement of Postgres as far as it takes to know what is code. */
export function readSql(statement: string): SqlText {
  const stretches: SqlStretch[] = [];
  let code = '';
  let at = 0;
  for (;;) {
    opening.lastIndex = at;
    const match = opening.exec(statement);
    if (match === null) return { stretches, code: code + statement.slice(at) };
    const begin = match.index;
    const end = match.groups?.block === undefined ? opening.lastIndex : endOfComment(statement, begin);
    stretches.push({ kind: kindOf(match.groups ?? {}), begin, end });
    code += statement.slice(at, begin) + ' '.repeat(end - begin);
    at = end;
  }
}

function kindOf({ name, dollar, line, block }: Record<string, string | undefined>): SqlStretch['kind'] {
  if (name !== undefined) return 'name';
  if (dollar !== undefined) return 'dollar';
  return line === undefined && block === undefined ? 'text' : 'comment';
}

/** Comments of Postgres nest. */
function endOfComment(statement: string, begin: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = begin;
  let depth = 0;
  for (let mark = marks.exec(statement); mark !== null; mark = marks.exec(statement)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return statement.length;
}
