import { CST, Lexer } from 'yaml';

const maxIndent = 100;
const maxNesting = 32;
/** Words and signs: what a file of some 7,000 lines has. More would take the parser too long. */
const maxTokens = 50_000;

/** What a text has too much of, and where. */
export interface Excess {
  readonly offset: number;
  readonly message: string;
}

/**
 * Tells where a text nests deeper or holds more than any file a person writes, if it does.
 *
 * It looks at tokens, because the parser recurses: a text made of brackets or dashes exhausts its stack,
 * which can end the process.
 */
export function excessOf(text: string): Excess | undefined {
  let tokens = 0;
  let brackets = 0;
  // Of block collections: how far the line is indented, and how many begin on it (`- - - a`).
  let indent = 0;
  let indicators = 0;
  for (const { kind, length, offset } of tokensOf(text)) {
    switch (kind) {
      case 'flow-map-start':
      case 'flow-seq-start':
        brackets += 1;
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        brackets -= 1;
        break;
      case 'newline':
        indent = 0;
        indicators = 0;
        break;
      case 'comma':
        indicators = 0;
        break;
      case 'space':
        if (indicators === 0) indent = length;
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
      case 'map-value-ind':
        indicators += 1;
        if (indent > maxIndent) return tooDeep(offset);
    }
    if (brackets > maxNesting || indicators > maxNesting) return tooDeep(offset);
    tokens += 1;
    if (tokens > maxTokens)
      return { offset, message: 'the file holds more keys and values than a file may have' };
  }
  return undefined;
}

const tooDeep = (offset: number): Excess => ({ offset, message: 'is nested too deeply' });

interface Token {
  readonly kind: CST.TokenType | null;
  readonly offset: number;
  readonly length: number;
}

function* tokensOf(text: string): Generator<Token> {
  let offset = 0;
  let isScalar = false;
  for (const token of new Lexer().lex(text)) {
    const kind = isScalar ? scalarKind(token) : CST.tokenType(token);
    isScalar = token === CST.SCALAR;
    if (isMark(token)) continue;
    yield { kind, offset, length: token.length };
    offset += token.length;
  }
}

/** A block begins with its indentation, which makes it look like space, and holds the end of its last line. */
function scalarKind(token: string): CST.TokenType {
  return token.endsWith('\n') ? 'newline' : 'scalar';
}

/** Tokens the lexer puts in between; they stand for no text. */
function isMark(token: string): boolean {
  return token === CST.DOCUMENT || token === CST.FLOW_END || token === CST.SCALAR;
}
