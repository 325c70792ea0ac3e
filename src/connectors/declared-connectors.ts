import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ConnectorSettings, parseConnectors } from './connectors-file.ts';
import { didYouMean } from './did-you-mean.ts';
import { type FileProblem, formatProblem, notUtf8 } from './file-problem.ts';

/** What a `connectors.yaml` declares; nothing when it has problems. */
export interface Declared {
  readonly file: string;
  readonly connectors: ReadonlyMap<string, ConnectorSettings>;
  readonly problems: readonly FileProblem[];
}

/** Reads the `connectors.yaml` of a folder. A file that is not there declares nothing and has no problem. */
export async function readConnectors(folder: string): Promise<Declared> {
  const file = join(folder, 'connectors.yaml');
  const none = { file, connectors: new Map<string, ConnectorSettings>() };
  try {
    const text = await textOf(file);
    if (typeof text !== 'string') return { ...none, problems: [{ file, line: 1, column: 1, ...text }] };
    const parsed = parseConnectors(text, file);
    return 'problems' in parsed
      ? { ...none, problems: parsed.problems }
      : { ...none, ...parsed, problems: [] };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    const problems =
      code === 'ENOENT' ? [] : [{ file, line: 1, column: 1, message: `cannot be read (${code})` }];
    return { ...none, problems };
  }
}

/** What the file says, or why it says nothing that can be used. */
async function textOf(file: string): Promise<string | { readonly message: string }> {
  // Reading a pipe would wait for somebody who writes.
  if (!(await stat(file)).isFile()) return { message: 'is not a regular file' };
  const bytes = await readFile(file);
  return isUtf8(bytes) ? bytes.toString() : { message: notUtf8 };
}

/** Why a name is not among the declared ones. Also owners of other flows read it, so it names no folder of this machine. */
export function notDeclared(name: string, { file, connectors, problems }: Declared): string {
  if (problems.length > 0) return fileProblems({ problems });
  const advice = didYouMean(name, connectors.keys()) ?? 'the file declares none, or is not there';
  return `No connector is named ${name} in ${basename(file)}: ${advice}`;
}

/** Everything that keeps the file from declaring anything; names no folder either. */
export function fileProblems({ problems }: Pick<Declared, 'problems'>): string {
  const lines = problems.map((problem) => formatProblem({ ...problem, file: basename(problem.file) }));
  return `connectors.yaml has problems:\n${lines.join('\n')}`;
}
