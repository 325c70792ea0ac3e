import type { JsonValue } from '../../domain/json.ts';
import type { Scope } from '../names.ts';
import type { Template } from '../template.ts';
import { omitted, type PipeValue } from '../transforms/transform.ts';
import { codeWord, type ShellWord, scriptInstead, splitWords, type WordPart } from './shell-words.ts';
import type { SettingPath, StepSite } from './step-kind.ts';

/** The words of a command, its places filled. */
export type Argv = (scope: Scope) => string[];

/** What a command is in a file: one text, or a list of its words. */
export type WrittenCommand = string | readonly (string | number | boolean)[];

export interface CompiledCommand {
  /** As it is written. */
  readonly program: string;
  readonly argv: Argv;
}

/** Compiles a command. Undefined when something is wrong with it; then it has been reported. */
export function compileCommand(command: WrittenCommand, site: StepSite): CompiledCommand | undefined {
  const words = typeof command === 'string' ? wordsOfText(command, site) : wordsOfList(command, site);
  if (words === undefined) return undefined;
  const [program, ...others] = words;
  const name =
    program?.parts.every((part) => typeof part === 'string') === true ? program.parts.join('') : undefined;
  if (name === undefined || program === undefined) {
    const [message, advice] = words.length === 0 ? ['is empty', 'name a program'] : placeAsProgram;
    site.problem(program?.path ?? ['command'], message, advice);
    return undefined;
  }
  const wrong = programProblem(name);
  if (wrong !== undefined) return void site.problem(program.path, ...wrong);
  const code = codeWord(words.map(({ parts }) => parts));
  if (code !== undefined) return void reportCode(words[code], site);
  return { program: name, argv: (scope) => [name, ...others.flatMap((word) => filled(word, scope))] };
}

/** Further words: a list of templates. */
export function compileArgs(args: readonly unknown[], site: StepSite): Argv {
  const values = args.map((_, at) => site.value('args', at));
  return (scope) => values.map((value) => asText(value?.(scope)));
}

/** A word and the places in it, by their number. */
interface Word {
  readonly parts: ShellWord;
  readonly places: Template['places'];
  readonly path: SettingPath;
  readonly text: string;
}

const placeAsProgram = [
  'does not say which program',
  'write the program out; a record never chooses it',
] as const;

function wordsOfText(text: string, site: StepSite): Word[] | undefined {
  const template = site.template('command');
  if (template === undefined) return undefined;
  const { places } = template;
  const split = splitWords(text, places);
  if ('words' in split) return split.words.map((parts) => ({ parts, places, path: ['command'], text }));
  const { at, message, suggestion } = split.problem;
  site.problemAt(['command'], at, message, suggestion);
  return undefined;
}

function wordsOfList(words: Exclude<WrittenCommand, string>, site: StepSite): Word[] | undefined {
  const compiled = words.map((word, at): Word | undefined => {
    const text = String(word);
    const path = ['command', at];
    if (typeof word !== 'string') return { parts: [text], places: [], path, text };
    const template = site.template(...path);
    return template && { parts: partsOf(text, template.places), places: template.places, path, text };
  });
  const whole = compiled.filter((word) => word !== undefined);
  return whole.length === compiled.length ? whole : undefined;
}

function partsOf(text: string, places: Template['places']): WordPart[] {
  const parts: WordPart[] = [];
  let from = 0;
  for (const [number, { begin, end }] of places.entries()) {
    if (begin > from) parts.push(text.slice(from, begin));
    parts.push(number);
    from = end;
  }
  if (from < text.length || parts.length === 0) parts.push(text.slice(from));
  return parts;
}

function programProblem(name: string): readonly [message: string, suggestion: string] | undefined {
  if (name === '') return ['does not name a program', 'name a program'];
  if (!name.includes('/') || name.startsWith('/')) return undefined;
  const advice = 'write its absolute path, or only its name when it is on PATH';
  return [`begins with the relative path ${name}, and a step runs in an empty folder of its own`, advice];
}

function reportCode(word: Word | undefined, site: StepSite): void {
  if (word === undefined) return;
  const { parts, path, text, places } = word;
  const begin = places[parts.find((part) => typeof part === 'number') ?? 0]?.begin ?? 0;
  let code = '';
  const spans: { begin: number; end: number }[] = [];
  for (const part of parts) {
    const written = typeof part === 'string' ? part : text.slice(places[part]?.begin, places[part]?.end);
    if (typeof part === 'number') spans.push({ begin: code.length, end: code.length + written.length });
    code += written;
  }
  const message = 'a value of a record would be read as code here';
  site.problemAt(path, begin, message, scriptInstead(code, spans));
}

/** A word that is one place alone is left out with `omit_if_null`. */
function filled({ parts, places }: Word, scope: Scope): string[] {
  const values = parts.map((part) => (typeof part === 'string' ? part : places[part]?.value(scope)));
  return values.length === 1 && values[0] === omitted ? [] : [values.map(asText).join('')];
}

/** Lists and objects as JSON, nothing as an empty text. */
export function asText(value: PipeValue | JsonValue | typeof omitted): string {
  if (value === undefined || value === null || value === omitted) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
