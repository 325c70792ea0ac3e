import { styleText } from 'node:util';

/** What stands between the command line and the person or the pipe that uses it. */
export interface Terminal {
  /** Takes answers, and nothing else. */
  readonly out: NodeJS.WritableStream;
  /** Takes progress, hints and errors. */
  readonly err: NodeJS.WritableStream;
  readonly input: NodeJS.ReadableStream;
  /** A person watches `err`: a bar may be drawn there. */
  readonly isTTY: boolean;
  /** A person types at `input`. */
  readonly canAsk: boolean;
  /** `input` is a pipe or a file. */
  readonly hasPipedInput: boolean;
  readonly colours: boolean;
  readonly columns: number;
  /** Columns of the window that shows `out`; a pipe takes lines of any length. */
  readonly width: number;
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

export function paint({ colours }: Pick<Terminal, 'colours'>, colour: Colour, text: string): string {
  return colours ? styleText(colour, text) : text;
}

// Control characters, direction marks and other invisibles, halves of a pair, private use, line breaks.
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Foreign text as it may be shown: on one line, and unable to steer a terminal. */
export function visible(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(hidden, '�');
}

/** As `visible`, with its spaces as they are: a path in it can be copied. */
export function visibleSpaced(text: string): string {
  return text
    .replace(/[^\S ]+/g, ' ')
    .trim()
    .replace(hidden, '�');
}

/** What others said, in quotation marks unless it came with its own. */
export function quoted(text: string): string {
  const shown = visible(text);
  return /^"(?:[^"\\]|\\.)*["…]$/.test(shown) ? shown : `"${shown}"`;
}

/** Text of several lines as it may be shown. */
export function visibleLines(text: string): string {
  return text.replace(/[^\n\P{C}]/gu, '�');
}

// JSON leaves these as they are, and some terminals obey them.
const steering = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One JSON document that a terminal can show. */
export function toJson(value: unknown): string {
  const json = JSON.stringify(value, null, 2);
  return json.replace(steering, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
