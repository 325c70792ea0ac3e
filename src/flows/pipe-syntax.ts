import type { JsonValue } from '../domain/json.ts';
import { pathRoots, type RecordPath } from './record-path.ts';

/**
 * The grammar of one field: `source.name | trim | default("nobody")`.
 *
 *     pipe    = head { "|" call }
 *     head    = text | number | true | false | null | path | call
 *     call    = name [ "(" [ args ] ")" | ":" args ]
 *     args    = arg { "," arg }
 *     arg     = text | number | true | false | null | path | table | bare word
 *     path    = ( "source" | "record" | "item" ) { "." key | "[" ( digits | text ) "]" }
 *     table   = "{" [ pairs ] "}" | pairs          pairs = key ":" value { "," key ":" value }
 */
export interface Pipe {
  readonly head: Operand | Call;
  readonly stages: readonly Call[];
}

/** A transform by name. `at` counts characters from the start of the pipe, here and below. */
export interface Call {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Operand[];
  readonly at: number;
}

export type Operand =
  | { readonly kind: 'literal'; readonly value: JsonValue; readonly at: number }
  | { readonly kind: 'path'; readonly path: RecordPath; readonly at: number }
  | { readonly kind: 'word'; readonly word: string; readonly at: number }
  | { readonly kind: 'table'; readonly entries: Readonly<Record<string, JsonValue>>; readonly at: number };

/** Something wrong with a pipe. */
export interface PipeProblem {
  readonly at: number;
  readonly message: string;
  readonly suggestion?: string;
}

/** Reads a pipe up to the end of the text. */
export function parsePipe(text: string): { pipe: Pipe } | { problem: PipeProblem } {
  try {
    return { pipe: new PipeParser(text).pipe() };
  } catch (error) {
    if (error instanceof PipeSyntaxError) return { problem: error.problem };
    throw error;
  }
}

class PipeSyntaxError extends Error {
  readonly problem: PipeProblem;

  constructor(problem: PipeProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

const name = /[\p{L}_$][\p{L}\p{N}_$-]*/uy;
const key = /[\p{L}\p{N}_$-]+/uy;
const digits = /\d{1,9}/y;
const bareWord = /[^\s,()|"'{}[\]:]+/y;
const numberForm = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const space = /\s*/y;

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  "'": "'",
  '\\': '\\',
};
const keywords = new Map<string, JsonValue>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class PipeParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  pipe(): Pipe {
    const head = this.#head();
    const stages: Call[] = [];
    while (this.#accept('|')) stages.push(this.#call());
    if (this.#at < this.#text.length) {
      const rest = this.#text.slice(this.#at, this.#at + 20);
      throw this.#wrong(
        `expected | or the end, not ${JSON.stringify(rest)}`,
        this.#at,
        this.#operatorAdvice(),
      );
    }
    return { head, stages };
  }

  #head(): Operand | Call {
    this.#skip();
    const at = this.#at;
    if (at >= this.#text.length)
      throw this.#wrong('is empty', 0, 'write a path such as source.name, or \'""\' for an empty text');
    if (this.#peek() === '{') throw this.#wrong('a table stands only inside lookup(...)', at);
    const found = this.#operand();
    if (found.kind !== 'word') return found;

    this.#at = at;
    const call = this.#call();
    if (call.args.length === 0 && !['now', 'concat', 'coalesce'].includes(call.name)) {
      throw this.#wrong(
        `${call.name} is neither a path nor a text`,
        at,
        `write source.${call.name} for the field, or '"${call.name}"' for the text itself`,
      );
    }
    return call;
  }

  #call(): Call {
    this.#skip();
    const at = this.#at;
    const called = this.#match(name);
    if (called === undefined) throw this.#wrong('expected the name of a transform', at);
    if (this.#accept('(')) {
      const args = this.#accept(')') ? [] : this.#args();
      if (args.length > 0 && !this.#accept(')'))
        throw this.#wrong(`expected ) after the arguments of ${called}`, this.#at);
      this.#skip();
      return { kind: 'call', name: called, args, at };
    }
    const args = this.#accept(':') ? this.#args() : [];
    this.#skip();
    return { kind: 'call', name: called, args, at };
  }

  #args(): Operand[] {
    const args: Operand[] = [];
    const pairs: [string, JsonValue][] = [];
    const at = this.#at;
    do {
      const operand = this.#operand();
      if (this.#accept(':')) pairs.push([this.#keyOf(operand), this.#plainValue()]);
      else args.push(operand);
    } while (this.#accept(','));
    return pairs.length === 0 ? args : [...args, { kind: 'table', entries: Object.fromEntries(pairs), at }];
  }

  #operand(): Operand {
    this.#skip();
    const at = this.#at;
    const next = this.#peek();
    if (next === '"' || next === "'") return { kind: 'literal', value: this.#quoted(), at };
    if (next === '{') return this.#table();

    const root = this.#match(name);
    if (root !== undefined && pathRoots.includes(root) && /^$|[\s.,()|[\]:]/.test(this.#peek())) {
      return { kind: 'path', path: this.#pathKeys(), at };
    }
    this.#at = at;
    const word = this.#match(bareWord);
    if (word === undefined)
      throw this.#wrong(next === '' ? 'ends too early' : `did not expect ${next} here`, at);
    if (numberForm.test(word)) return { kind: 'literal', value: this.#number(word, at), at };
    const keyword = keywords.get(word);
    return keyword === undefined ? { kind: 'word', word, at } : { kind: 'literal', value: keyword, at };
  }

  #number(word: string, at: number): number {
    const number = Number(word);
    if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return number;
    throw this.#wrong(`${word.slice(0, 40)} is too large to be held exactly; put it in quotes`, at);
  }

  #table(): Operand {
    const at = this.#at;
    this.#accept('{');
    const pairs: [string, JsonValue][] = [];
    while (!this.#accept('}')) {
      const tableKey = this.#keyOf(this.#operand());
      if (!this.#accept(':')) throw this.#wrong('expected : after the key', this.#at);
      pairs.push([tableKey, this.#plainValue()]);
      if (!this.#accept(',') && this.#peek() !== '}')
        throw this.#wrong('expected , or } in the table', this.#at);
    }
    // fromEntries makes own keys of every name, `__proto__` included.
    return { kind: 'table', entries: Object.fromEntries(pairs), at };
  }

  #keyOf(operand: Operand): string {
    if (operand.kind === 'word') return operand.word;
    if (operand.kind === 'literal' && operand.value !== null) return String(operand.value);
    throw this.#wrong('a key is a word or a text in quotes', operand.at);
  }

  #plainValue(): JsonValue {
    const operand = this.#operand();
    if (operand.kind === 'word') return operand.word;
    if (operand.kind === 'literal') return operand.value;
    throw this.#wrong('a value of a table is a text, a number, true, false or null', operand.at);
  }

  #pathKeys(): RecordPath {
    const keys: (string | number)[] = [];
    for (;;) {
      if (this.#text[this.#at] === '.') {
        this.#at += 1;
        const found = this.#match(key);
        if (found === undefined)
          throw this.#wrong(
            'expected a key after the dot',
            this.#at,
            'write other keys as source["First Name"]',
          );
        keys.push(found);
      } else if (this.#text[this.#at] === '[') {
        this.#at += 1;
        keys.push(this.#bracketed());
      } else {
        this.#skip();
        return keys;
      }
    }
  }

  #bracketed(): string | number {
    this.#skip();
    const position = this.#match(digits);
    const inside = position === undefined ? this.#quoted() : Number(position);
    if (!this.#accept(']', false)) throw this.#wrong('expected ]', this.#at);
    return inside;
  }

  #quoted(): string {
    const at = this.#at;
    const quote = this.#peek();
    if (quote !== '"' && quote !== "'") throw this.#wrong('expected a number or a text in quotes', at);
    let text = '';
    for (this.#at += 1; this.#at < this.#text.length; this.#at++) {
      const character = this.#peek();
      if (character === quote) {
        this.#at += 1;
        return text;
      }
      text += character === '\\' ? this.#escaped() : character;
    }
    throw this.#wrong(`the quote ${quote} is not closed`, at);
  }

  #escaped(): string {
    this.#at += 1;
    const meant = Object.hasOwn(escapes, this.#peek()) ? escapes[this.#peek()] : undefined;
    if (meant === undefined) throw this.#wrong('a backslash stands only before \\ " \' n r t', this.#at - 1);
    return meant;
  }

  /** What people write who know another language. */
  #operatorAdvice(): string | undefined {
    const words: Readonly<Record<string, string>> = {
      '+': '| add(1) or concat(a, b)',
      '-': '| subtract(1)',
      '*': '| multiply(2)',
      '/': '| divide(2)',
    };
    const operator = this.#peek();
    return Object.hasOwn(words, operator) ? `there are no operators; write ${words[operator]}` : undefined;
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #accept(token: string, skipAfter = true): boolean {
    this.#skip();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    if (skipAfter) this.#skip();
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skip(): void {
    this.#match(space);
  }

  #wrong(message: string, at: number, suggestion?: string): PipeSyntaxError {
    return new PipeSyntaxError(suggestion === undefined ? { at, message } : { at, message, suggestion });
  }
}
