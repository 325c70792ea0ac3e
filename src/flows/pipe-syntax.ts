import type { JsonValue } from '../domain/json.ts';
import { adviceAfter, adviceAtHead, namedArguments } from './pipe-advice.ts';
import { PipeCursor, type PipeProblem, PipeSyntaxError } from './pipe-cursor.ts';
import type { RecordPath } from './record-path.ts';

/**
 * The grammar of one field: `source.name | trim | default("nobody")`.
 *
 *     pipe    = head { "|" call }
 *     head    = text | number | true | false | null | path | call | bare word
 *     call    = name [ "(" [ args ] ")" | ":" args ]
 *     args    = arg { "," arg }
 *     arg     = text | number | true | false | null | path | table | bare word
 *     path    = root { "." key | "[" ( digits | text ) "]" }      root: a name of the place, such as "source"
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
  | { readonly kind: 'literal'; readonly value: JsonValue; readonly at: number; readonly written?: string }
  | { readonly kind: 'path'; readonly root: string; readonly path: RecordPath; readonly at: number }
  | { readonly kind: 'word'; readonly word: string; readonly at: number }
  | { readonly kind: 'table'; readonly entries: Readonly<Record<string, JsonValue>>; readonly at: number };

/** Names a path may begin with. */
type Roots = { readonly has: (root: string) => boolean };

/** Reads a pipe up to the end of the text. */
export function parsePipe(text: string, roots: Roots): { pipe: Pipe } | { problem: PipeProblem } {
  try {
    return { pipe: new PipeParser(text, roots).pipe() };
  } catch (error) {
    if (error instanceof PipeSyntaxError) return { problem: error.problem };
    throw error;
  }
}

const name = /[\p{L}_$][\p{L}\p{N}_$-]*/uy;
const key = /[\p{L}\p{N}_$-]+/uy;
const digits = /\d{1,9}/y;
const bareWord = /[^\s,()|"'{}[\]:]+/y;
/** Word processors put them in place of " and '. */
const typographicQuotes = /[“”„‟‘’‚‛«»‹›]/;
const numberForm = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

const keywords = new Map<string, JsonValue>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** One method for each rule of the grammar. Each leaves the cursor behind the white space that follows. */
class PipeParser {
  readonly #cursor: PipeCursor;
  readonly #roots: Roots;
  /** What the record is called in advice. */
  readonly #owner: string;

  constructor(text: string, roots: Roots) {
    this.#cursor = new PipeCursor(text);
    this.#roots = roots;
    this.#owner = roots.has('steps') ? 'record' : 'source';
  }

  pipe(): Pipe {
    const cursor = this.#cursor;
    const head = this.#head();
    const stages: Call[] = [];
    while (cursor.accept('|')) stages.push(this.#call());
    if (cursor.atEnd) return { head, stages };

    const { text, at } = cursor;
    const advice =
      stages.length > 0
        ? undefined
        : adviceAfter(text.slice(0, at).trim().slice(0, 200), text.slice(at, at + 100), this.#owner);
    const before = /^\s*not\s/i.test(text.slice(0, 10))
      ? adviceAtHead(text.trimStart(), this.#owner)
      : undefined;
    throw cursor.wrong(
      `expected | or the end, not ${JSON.stringify(text.slice(at, at + 20))}`,
      at,
      before ?? advice,
    );
  }

  #head(): Operand | Call {
    const cursor = this.#cursor;
    cursor.skip();
    const { at } = cursor;
    if (cursor.atEnd) {
      throw cursor.wrong(
        'is empty',
        0,
        `write a path such as ${this.#owner}.name, or '""' for an empty text`,
      );
    }
    const begun = cursor.text.slice(at, at + 200);
    if (begun.startsWith('{{')) throw cursor.wrong('takes no braces', at, adviceAtHead(begun, this.#owner));
    if (begun.startsWith('{')) throw cursor.wrong('a table stands only inside lookup(...)');
    if (/^[[(|]/.test(begun))
      throw cursor.wrong(`did not expect ${begun[0]} here`, at, adviceAtHead(begun, this.#owner));
    const found = this.#scalar();
    if (found.kind !== 'word' || !/[(:]/.test(cursor.peek())) return found;
    cursor.at = at;
    return this.#call();
  }

  #call(): Call {
    const cursor = this.#cursor;
    const { at } = cursor;
    const called = cursor.match(name);
    if (called === undefined) {
      const isOr = cursor.text.slice(at - 1, at + 1) === '||';
      const advice = isOr ? 'write | default("other") for a value that is not there' : undefined;
      throw cursor.wrong('expected the name of a transform', at, advice);
    }
    if (cursor.accept(':')) return { kind: 'call', name: called, args: this.#args(), at };
    if (!cursor.accept('(') || cursor.accept(')')) return { kind: 'call', name: called, args: [], at };

    const args = this.#args();
    if (!cursor.accept(')')) {
      const isNamed = cursor.peek() === '=' || cursor.text[cursor.at - 1] === '=';
      const advice = isNamed ? namedArguments(called) : undefined;
      throw cursor.wrong(`expected ) after the arguments of ${called}`, cursor.at, advice);
    }
    return { kind: 'call', name: called, args, at };
  }

  #args(): Operand[] {
    const { at } = this.#cursor;
    const args: Operand[] = [];
    const pairs: [string, JsonValue][] = [];
    do {
      const operand = this.#cursor.peek() === '{' ? this.#table() : this.#scalar();
      if (this.#cursor.accept(':')) pairs.push([this.#keyOf(operand), this.#plainValue()]);
      else args.push(operand);
    } while (this.#cursor.accept(','));
    return pairs.length === 0 ? args : [...args, tableOf(pairs, at)];
  }

  #table(): Operand {
    const cursor = this.#cursor;
    const { at } = cursor;
    const pairs: [string, JsonValue][] = [];
    cursor.accept('{');
    while (!cursor.accept('}')) {
      const key = this.#keyOf(this.#scalar());
      if (!cursor.accept(':')) throw cursor.wrong('expected : after the key');
      pairs.push([key, this.#plainValue()]);
      if (!cursor.accept(',') && cursor.peek() !== '}') throw cursor.wrong('expected , or } in the table');
    }
    return tableOf(pairs, at);
  }

  #keyOf(operand: Operand): string {
    if (operand.kind === 'word') return operand.word;
    // A code such as 01067 is no number, though it reads as one.
    if (operand.kind === 'literal' && operand.value !== null) return operand.written ?? String(operand.value);
    throw this.#cursor.wrong('a key is a word or a text in quotes', operand.at);
  }

  #plainValue(): JsonValue {
    const operand = this.#scalar();
    if (operand.kind === 'word') return operand.word;
    if (operand.kind === 'literal') return operand.value;
    throw this.#cursor.wrong('a value of a table is a text, a number, true, false or null', operand.at);
  }

  /** An operand that is no table, since tables do not nest. */
  #scalar(): Operand {
    const cursor = this.#cursor;
    const { at } = cursor;
    const next = cursor.peek();
    const operand =
      next === '"' || next === "'" ? { kind: 'literal' as const, value: cursor.quoted(), at } : this.#bare();
    cursor.skip();
    return operand;
  }

  #bare(): Operand {
    const cursor = this.#cursor;
    const { at } = cursor;
    if (typographicQuotes.test(cursor.peek())) {
      throw cursor.wrong(`${cursor.peek()} is no quote here`, at, 'write " or \' around a text');
    }
    const root = cursor.match(name);
    if (root !== undefined && this.#roots.has(root) && /^$|[\s.,()|[\]:}]/.test(cursor.peek())) {
      return { kind: 'path', root, path: this.#pathKeys(), at };
    }
    cursor.at = at;
    const word = cursor.match(bareWord);
    if (word === undefined) {
      throw cursor.wrong(cursor.atEnd ? 'the text ends too early' : `did not expect ${cursor.peek()} here`);
    }
    if (numberForm.test(word)) return { kind: 'literal', value: this.#number(word, at), at, written: word };
    const keyword = keywords.get(word);
    return keyword === undefined ? { kind: 'word', word, at } : { kind: 'literal', value: keyword, at };
  }

  #number(word: string, at: number): number {
    const number = Number(word);
    if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return number;
    throw this.#cursor.wrong(`${word.slice(0, 40)} is too large to be held exactly; put it in quotes`, at);
  }

  #pathKeys(): RecordPath {
    const cursor = this.#cursor;
    const keys: (string | number)[] = [];
    for (;;) {
      if (cursor.step('.')) keys.push(this.#dotted());
      else if (cursor.step('[')) keys.push(this.#bracketed());
      else return keys;
    }
  }

  #dotted(): string {
    const found = this.#cursor.match(key);
    if (found !== undefined) return found;
    throw this.#cursor.wrong(
      'expected a key after the dot',
      this.#cursor.at,
      `write other keys as ${this.#owner}["First Name"]`,
    );
  }

  #bracketed(): string | number {
    const cursor = this.#cursor;
    cursor.skip();
    const position = cursor.match(digits);
    const inside = position === undefined ? cursor.quoted() : Number(position);
    cursor.skip();
    if (!cursor.step(']')) throw cursor.wrong('expected ]');
    return inside;
  }
}

/** Object.fromEntries makes own keys of every name, `__proto__` included. */
function tableOf(pairs: readonly [string, JsonValue][], at: number): Operand {
  return { kind: 'table', entries: Object.fromEntries(pairs), at };
}
