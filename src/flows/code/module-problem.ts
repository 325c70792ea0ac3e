import { spawn } from 'node:child_process';
import { foreignText } from '../../connectors/foreign-text.ts';
import { SluiceError } from '../../domain/sluice-error.ts';
import type { FlowProblem } from '../flow-identity.ts';

const longestCheckMs = 5_000;

/** A module that could not be loaded. */
export interface BrokenModule {
  readonly file: string;
  readonly text: string;
  /** As it was imported. */
  readonly url: string;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

const beginning: Place = { line: 1, column: 1 };

/** What a module threw while it was loaded, with its place in the file as far as it can be found. */
export async function thrownProblem(thrown: unknown, module: BrokenModule): Promise<FlowProblem> {
  const { file } = module;
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const place = placeInStack(stack, module.url);
  if (thrown instanceof SluiceError) {
    return { file, ...(place ?? placeOfQuoted(thrown.message, module.text)), message: thrown.message };
  }
  const message = `broke while it was loaded: ${wordsOf(thrown)}`;
  if (!(thrown instanceof Error)) return { file, ...beginning, message };
  if (place !== undefined) return { file, ...place, message };
  if (thrown.name !== 'SyntaxError') return { file, ...placeOfQuoted(thrown.message, module.text), message };

  const found = await placeOfSyntaxError(module.text);
  if (found !== undefined) return { file, ...found, message: `is no valid module: ${wordsOf(thrown)}` };
  return {
    file,
    ...beginning,
    message: `cannot be loaded, or something it imports cannot: ${wordsOf(thrown)}`,
  };
}

/** The kind and text of an error, on one line and without credentials of addresses. */
function wordsOf(thrown: unknown): string {
  const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return foreignText(said.replace(/\/\/[^\s/@]*@/g, '//[secret]@'), 300) ?? 'an error without a text';
}

/** `file:///flows/a.mjs?…:3:9`, or `file:///flows/a.mjs?…:3` above the line and a mark below the place. */
function placeInStack(stack: string, url: string): Place | undefined {
  const at = stack.indexOf(`${url}:`);
  if (at < 0) return undefined;
  const after = stack.slice(at + url.length);
  const [, line, column] = /^:(\d+)(?::(\d+))?/.exec(after) ?? [];
  if (line === undefined) return undefined;
  return { line: Number(line), column: column === undefined ? markedColumn(after) : Number(column) };
}

/** The column of the `^` below a line of code. */
function markedColumn(text: string): number {
  const [, spaces] = /^( *)\^/m.exec(text) ?? [];
  return spaces === undefined ? 1 : spaces.length + 1;
}

/** Node keeps the place of a syntax error to itself, except when it checks a text on its own. */
async function placeOfSyntaxError(text: string): Promise<Place | undefined> {
  const said = await syntaxCheck(text);
  const [, line] = /^\[stdin\]:(\d+)$/m.exec(said) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: markedColumn(said) };
}

function syntaxCheck(text: string): Promise<string> {
  return new Promise((resolve) => {
    const check = spawn(process.execPath, ['--check', '--input-type=module', '-'], {
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: longestCheckMs,
    });
    let said = '';
    check.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    check.on('error', () => resolve(''));
    check.on('close', () => resolve(said));
    // It may have ended before it read everything.
    check.stdin.on('error', () => {});
    check.stdin.end(text);
  });
}

/** Where a name that a message quotes first stands in the module. */
function placeOfQuoted(message: string, text: string): Place {
  const [, name] = /["'`]([^"'`]+)["'`]/.exec(message) ?? [];
  const at = name === undefined ? -1 : text.search(new RegExp(`["'\`]${escaped(name)}["'\`]`));
  if (at < 0) return beginning;
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
