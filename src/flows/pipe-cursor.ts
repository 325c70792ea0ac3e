/** Something wrong with a pipe. `at` counts characters from its start. */
export interface PipeProblem {
  readonly at: number;
  readonly message: string;
  readonly suggestion?: string;
}

/** Ends the reading of a pipe. */
export class PipeSyntaxError extends Error {
  readonly problem: PipeProblem;

  constructor(at: number, message: string, suggestion?: string) {
    super(message);
    this.problem = suggestion === undefined ? { at, message } : { at, message, suggestion };
  }
}

const space = /\s*/y;
const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  "'": "'",
  '\\': '\\',
};

/** A place in a text that is being read. */
export class PipeCursor {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character; empty at the end. */
  peek(): string {
    return this.text[this.at] ?? '';
  }

  /** Steps over a character that stands right here. */
  step(character: string): boolean {
    const here = this.peek() === character;
    if (here) this.at += 1;
    return here;
  }

  /** Steps over a character and the white space around it. */
  accept(character: string): boolean {
    this.skip();
    const accepted = this.step(character);
    if (accepted) this.skip();
    return accepted;
  }

  /** Steps over what a sticky pattern finds right here. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  skip(): void {
    this.match(space);
  }

  /** Reads a text in quotes. */
  quoted(): string {
    const begun = this.at;
    const quote = this.peek();
    if (quote !== '"' && quote !== "'") throw this.wrong('expected a number or a text in quotes');
    this.at += 1;
    let text = '';
    while (!this.atEnd) {
      if (this.step(quote)) return text;
      text += this.step('\\') ? this.#escaped() : this.peek();
      this.at += 1;
    }
    throw this.wrong(`the quote ${quote} is not closed`, begun);
  }

  #escaped(): string {
    const meant = Object.hasOwn(escapes, this.peek()) ? escapes[this.peek()] : undefined;
    if (meant !== undefined) return meant;
    const suggestion = `write \\\\${this.peek()} for the \\${this.peek()} of a pattern`;
    throw this.wrong('a backslash stands only before \\ " \' n r t', this.at - 1, suggestion);
  }

  wrong(message: string, at = this.at, suggestion?: string): PipeSyntaxError {
    return new PipeSyntaxError(at, message, suggestion);
  }
}
