import type { TemplatePlace } from '../template.ts';

/** A part of a word: a text, or the number of a place. */
export type WordPart = string | number;
export type ShellWord = readonly WordPart[];

/** Something in a command that only a shell would understand. */
export interface WordProblem {
  readonly at: number;
  readonly message: string;
  readonly suggestion: string;
}

type Span = Pick<TemplatePlace, 'begin' | 'end'>;
type Quote = 'none' | 'single' | 'double';

/**
 * Splits a command into words as a shell would, before any place is filled: quotes group, a backslash takes
 * the next character as it is, and a place stays inside the word it stands in whatever its value holds.
 */
export function splitWords(
  text: string,
  places: readonly Span[],
): { words: readonly ShellWord[] } | { problem: WordProblem } {
  const reader = new WordReader(text, places);
  reader.read();
  return reader.problem === undefined ? { words: reader.words } : { problem: reader.problem };
}

/** A text with places as a script that gets their values as `$1`, `$2` and so on. */
export function scriptInstead(text: string, places: readonly Span[]): string {
  const reader = new WordReader(text, places);
  reader.read();
  const script = reader.script.trim();
  if (places.length === 0) return `write script: ${inYaml(script)}`;
  const args = places.map(({ begin, end }) => inYaml(text.slice(begin, end)));
  return `write script: ${inYaml(script)} and args: [${args.join(', ')}]`;
}

function inYaml(text: string): string {
  return /['\n]/.test(text) ? JSON.stringify(text) : `'${text}'`;
}

const parameter: Readonly<Record<Quote, (number: number) => string>> = {
  none: (number) => `"$${number}"`,
  double: (number) => `$${number}`,
  single: (number) => `'"$${number}"'`,
};

class WordReader {
  readonly words: WordPart[][] = [];
  /** The same text with parameters of a shell for places. */
  script = '';
  #trouble: { at: number; message: string; suggestion?: string } | undefined;
  readonly #text: string;
  readonly #places: readonly Span[];
  #word: WordPart[] | undefined;
  #quote: Quote = 'none';
  #quoteAt = 0;

  constructor(text: string, places: readonly Span[]) {
    this.#text = text;
    this.#places = places;
  }

  get problem(): WordProblem | undefined {
    if (this.#trouble === undefined) return undefined;
    const { suggestion = scriptInstead(this.#text, this.#places), ...trouble } = this.#trouble;
    return { ...trouble, suggestion };
  }

  read(): void {
    const start = this.#text.length - this.#text.trimStart().length;
    for (let at = start; at < this.#text.length; ) at = this.#step(at);
    if (this.#quote !== 'none')
      this.#report(this.#quoteAt, 'a quote is not closed', 'close it, or write \\ before it');
  }

  /** Reads what stands at a position and returns the next one. */
  #step(at: number): number {
    const number = this.#places.findIndex(({ begin }) => begin === at);
    const place = this.#places[number];
    if (place !== undefined) {
      this.#add(number);
      this.script += parameter[this.#quote](number + 1);
      return place.end;
    }
    const character = this.#text[at] ?? '';
    const taken = character === '\\' && this.#quote !== 'single' ? this.#escaped(at) : undefined;
    const next = taken === undefined ? at + 1 : at + 2;
    this.script += this.#text.slice(at, next);
    if (taken === undefined) this.#plain(character, at);
    else if (taken !== '\n') this.#add(taken);
    return next;
  }

  /** The character after a backslash that takes it as it is; a line break is then no character at all. */
  #escaped(at: number): string | undefined {
    const next = this.#text[at + 1];
    if (next === undefined || this.#places.some(({ begin }) => begin === at + 1)) return undefined;
    if (this.#quote === 'double' && !'$`"\\\n'.includes(next)) return undefined;
    return next;
  }

  #plain(character: string, at: number): void {
    if (this.#quote === 'none') return void this.#unquoted(character, at);
    if (character === (this.#quote === 'single' ? "'" : '"')) this.#quote = 'none';
    else if (this.#quote === 'double' && '$`'.includes(character)) this.#refuse(character, at);
    else this.#add(character);
  }

  #unquoted(character: string, at: number): void {
    if (character === '"' || character === "'") {
      this.#quote = character === '"' ? 'double' : 'single';
      this.#quoteAt = at;
      this.#add('');
    } else if (character === '\n' && /\S/.test(this.#text.slice(at))) {
      this.#report(at, 'a second line is a second command, which only a shell runs');
    } else if (/\s/.test(character)) {
      this.#word = undefined;
    } else {
      const special = '|&;<>()$`*?['.includes(character);
      const atStart = this.#word === undefined && '~#'.includes(character);
      const assigns = character === '=' && this.words.length === 1 && isName(this.words[0]);
      if (special || atStart || assigns) this.#refuse(character, at);
      this.#add(character);
    }
  }

  #add(part: WordPart): void {
    if (this.#word === undefined) {
      this.#word = [];
      this.words.push(this.#word);
    }
    const last = this.#word.at(-1);
    if (typeof part === 'string' && typeof last === 'string') this.#word[this.#word.length - 1] = last + part;
    else this.#word.push(part);
  }

  #refuse(character: string, at: number): void {
    const quotes = this.#quote === 'double' ? 'single quotes' : 'quotes';
    const message = `no shell reads a command; in ${quotes} ${character} would be a plain character`;
    this.#report(at, message);
  }

  #report(at: number, message: string, suggestion?: string): void {
    this.#trouble ??= { at, message, ...(suggestion === undefined ? {} : { suggestion }) };
  }
}

function isName(word: ShellWord | undefined): boolean {
  return word?.length === 1 && /^[A-Za-z_]\w*$/.test(String(word[0]));
}

const readers = /^(sh|ash|bash|dash|zsh|ksh|fish|python[\d.]*|perl|ruby|node|php)$/;

/**
 * The number of a word with a place that a program would read as code: in `bash -c "…{{ item }}…"` no
 * quoting keeps a value from being a command. Undefined: there is none.
 */
export function codeWord(words: readonly ShellWord[]): number | undefined {
  const texts = words.map((word) =>
    word.every((part) => typeof part === 'string') ? word.join('') : undefined,
  );
  const reader = texts.findIndex((text) => readers.test(text?.split('/').at(-1) ?? ''));
  if (reader === -1) return undefined;
  const option = texts.findIndex(
    (text, at) => at > reader && /^(-[a-z]*[ce]|--eval|--command)$/i.test(text ?? ''),
  );
  const isCode = option !== -1 && words[option + 1]?.some((part) => typeof part === 'number');
  return isCode ? option + 1 : undefined;
}
