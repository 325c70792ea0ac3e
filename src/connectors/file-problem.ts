/** Something wrong in a file that a person writes. Line and column count from 1. */
export interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to do, as a clause: `did you mean "target"?`. */
  readonly suggestion?: string;
}

export const notUtf8 = 'is not UTF-8 text; save it again in that encoding';

/** More would help nobody, and finding the place of each takes time. */
export const maxFileProblems = 100;

/** `flows/import.yaml:3:1 unknown key "tagret"; did you mean "target"?` */
export function formatProblem({ file, line, column, message, suggestion }: FileProblem): string {
  const place = `${file}:${line}:${column}`;
  return suggestion === undefined ? `${place} ${message}` : `${place} ${message}; ${suggestion}`;
}

/** Problems in the order a reader meets them, each once. */
export function sortProblems(problems: readonly FileProblem[]): FileProblem[] {
  const unique = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
