import { type Document, isMap, isScalar, isSeq, type Node, visit, type YAMLError } from 'yaml';
import { foreignText } from './foreign-text.ts';

/** Something that keeps a text from being read, where it stands, and what to do about it. */
export interface YamlMistake {
  readonly offset: number;
  readonly message: string;
  readonly suggestion?: string;
}

/** What the parser complains about, in the words of people who write files. */
export function mistakesOf(document: Document, text: string, errors: readonly YAMLError[]): YamlMistake[] {
  const cut = errors.find(({ message }) => /^Unexpected flow-|^Missing , /.test(message));
  if (cut !== undefined) return [mistakeOf(cut, text)];
  const pipe = quotedPipe(document, text, errors);
  // What follows is read as a block of text, so the other complaints mean nothing.
  if (pipe !== undefined) return [pipe];
  const lines = new Set(
    errors.filter(({ code }) => code === 'MULTILINE_IMPLICIT_KEY').map(({ pos }) => pos[0]),
  );
  // The same line again, seen as a map inside a text.
  const own = errors.filter(({ code, pos }) => code !== 'BLOCK_AS_IMPLICIT_KEY' || !lines.has(pos[0]));
  const opened = own.map((error) => openedAt(document, error));
  const innermost = Math.max(...own.map((error, at) => (isBracket(error) ? (opened[at] ?? -1) : -1)), -1);
  return own.flatMap((error, index) => {
    const at = opened[index];
    if (at === undefined) return [mistakeOf(error, text)];
    // Around what is not closed nothing is.
    if (isBracket(error) && at < innermost) return [];
    return [unquotedTemplate(text, at) ?? unclosed(text, at)];
  });
}

function mistakeOf(error: YAMLError, text: string): YamlMistake {
  const [offset] = error.pos;
  return (
    unquotedTemplate(text, offset) ??
    dashWithoutSpace(text, offset) ??
    headlessPipe(text, offset) ?? { offset, ...wordsFor(error) }
  );
}

function wordsFor({ code, message }: YAMLError): Omit<YamlMistake, 'offset'> {
  const known = wordsByMessage.find(([form]) => form.test(message))?.[1];
  if (known !== undefined) return known;
  const suggestion = advice[code];
  const said = foreignText(message) ?? 'is not YAML';
  return suggestion === undefined ? { message: said } : { message: said, suggestion };
}

const column = 'begin the keys of a map, and the dashes of a list, in one column';

const advice: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: column,
  BAD_SCALAR_START: 'put the text in quotes',
  BAD_DQ_ESCAPE: 'write \\\\ for a backslash, or put the text in single quotes',
  TAG_RESOLVE_FAILED: 'tags are not available; put a text that begins with ! in quotes',
};

/** By the parser's message. */
const wordsByMessage: readonly (readonly [RegExp, Omit<YamlMistake, 'offset'>])[] = [
  [
    /^Implicit keys need/,
    {
      message: 'the lines from here on do not fit together',
      suggestion: `write each key of a map as key: value; ${column}`,
    },
  ],
  [
    /^Nested mappings/,
    { message: 'there is a second colon in this line', suggestion: 'put a text with a colon in quotes' },
  ],
  [
    /^Implicit map keys need/,
    {
      message: 'this is no key with a value',
      suggestion: 'write key: value; lines of a text are indented further than its key',
    },
  ],
  [
    /^Unexpected \S*scalar at node end/,
    { message: 'the text goes on after its end', suggestion: 'put the whole of it in quotes' },
  ],
  [
    /^Unexpected flow-/,
    {
      message: 'the text has a sign that belongs to lists and maps',
      suggestion: 'put a text with , [ ] { or } in quotes',
    },
  ],
  [/^Missing , /, { message: 'there is no comma before this', suggestion: 'write [a, b] or { a: 1, b: 2 }' }],
  [
    /^Block collections are not allowed/,
    { message: 'there is no comma between these keys', suggestion: 'write { a: 1, b: 2 }' },
  ],
  [
    /^Source contains multiple documents/,
    { message: 'a second document begins here', suggestion: 'a file holds one; remove the ---' },
  ],
];

const isQuote = ({ code, message }: YAMLError) =>
  code === 'MISSING_CHAR' && message.startsWith('Missing closing');
const isBracket = ({ message }: YAMLError) => / end with a [\]}]$/.test(message);

/** Where the quote, bracket or brace begins whose end is missing: the parser complains only at the end of the text. */
function openedAt(document: Document, error: YAMLError): number | undefined {
  const [at] = error.pos;
  const wanted = isQuote(error) ? isQuoted : isBracket(error) ? isFlow(error.message.at(-1)) : undefined;
  if (wanted === undefined) return undefined;
  let found: number | undefined;
  visit(document, {
    Node(_, node) {
      const [begin, , end] = node.range ?? [0, 0, 0];
      if (wanted(node) && begin < at && at <= end) found = begin;
    },
  });
  return found;
}

const isQuoted = (node: Node) => isScalar(node) && node.type?.startsWith('QUOTE') === true;
const isFlow = (closing: string | undefined) => (node: Node) =>
  closing === ']' ? isSeq(node) && node.flow === true : isMap(node) && node.flow === true;

function unclosed(text: string, offset: number): YamlMistake {
  return { offset, message: `the ${text[offset] ?? ''} is not closed` };
}

/** `message: {{ record.name }} is here`: what begins with a brace is a map to YAML. */
export function unquotedTemplate(text: string, offset: number): YamlMistake | undefined {
  const { begin, line } = lineAt(text, offset);
  const found = /(?:^|[:,[-])[ ]+(\{\{)/.exec(line);
  if (found === null) return undefined;
  const at = found.index + found[0].length - 2;
  const written = line.slice(at).trimEnd();
  const mistake = { offset: begin + at, message: 'a text that begins with {{ stands in quotes' };
  if (written.length > 100 || written.includes("'") || !written.includes('}}')) return mistake;
  return { ...mistake, suggestion: `write '${written}'` };
}

/** `name: "none" | uppercase`: to YAML the text ends with its second quote. */
function quotedPipe(document: Document, text: string, errors: readonly YAMLError[]): YamlMistake | undefined {
  const error = errors.find(({ message, pos: [at] }) => / at node end$/.test(message) && text[at] === '|');
  const offset = error && quoteBefore(document, text, error.pos[0]);
  if (error === undefined || offset === undefined) return undefined;
  const mistake = { offset, message: 'a pipe that begins with a quote stands in quotes as a whole' };
  const { begin, line } = lineAt(text, offset);
  const written = (line.slice(offset - begin).split(' #', 1)[0] ?? '').trimEnd();
  const quote = ["'", '"'].find((sign) => !written.includes(sign));
  // Inside of brackets nobody knows where it ends.
  const isWhole = error.message.includes('block-scalar') && written.length <= 100;
  if (!isWhole || quote === undefined) return { ...mistake, suggestion: 'put the whole of it in quotes' };
  return { ...mistake, suggestion: `write ${quote}${written}${quote}` };
}

/** Where the text in quotes begins that ends right before. */
function quoteBefore(document: Document, text: string, offset: number): number | undefined {
  let found: number | undefined;
  visit(document, {
    Scalar(_, node) {
      const [begin, end] = node.range ?? [0, Infinity];
      const isNear = end <= offset && offset - end < 100;
      if (isNear && isQuoted(node) && text.slice(end, offset).trim() === '') found = begin;
    },
  });
  return found;
}

/** `email: | trim`: to YAML a text over several lines begins there. */
function headlessPipe(text: string, offset: number): YamlMistake | undefined {
  const { begin, line } = lineAt(text, offset);
  const [, key, pipe] = /^\s*(?:- )?([^\s:#]{1,100}):\s+(\|\s*[a-z_]+.*)$/.exec(line) ?? [];
  if (key === undefined || pipe === undefined) return undefined;
  return {
    offset: begin + line.indexOf(pipe),
    message: 'a pipe begins with the value that it takes',
    suggestion: `write ${key}: source.${key} ${pipe.slice(0, 100).trim()}, or what else it takes`,
  };
}

function dashWithoutSpace(text: string, offset: number): YamlMistake | undefined {
  const { begin, line } = lineAt(text, offset);
  const found = /^ *-(?=[A-Za-z_])/.exec(line);
  if (found === null) return undefined;
  const message = 'there is no space after the dash';
  return {
    offset: begin + found[0].length - 1,
    message,
    suggestion: `write ${found[0].trim()} ${line.slice(found[0].length, 100).trim()}`,
  };
}

function lineAt(text: string, offset: number): { begin: number; line: string } {
  const begin = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return { begin, line: text.slice(begin, end < 0 ? undefined : end).slice(0, 1_000) };
}
