import { CST, Lexer } from 'yaml';

const maxIndent = 100;
const maxNesting = 32;

/**
 * The offset at which a text nests deeper than any file a person writes, if it does.
 *
 * It looks at tokens, because the parser recurses: a text made of brackets or dashes exhausts its stack,
 * which can end the process.
 */
export function tooDeepAt(text: string): number | undefined {
  let offset = 0;
  let brackets = 0;
  // Of block collections: how far the line is indented, and how many begin on it (`- - - a`).
  let indent = 0;
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    switch (CST.tokenType(token)) {
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
        if (indicators === 0) indent = token.length;
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
      case 'map-value-ind':
        indicators += 1;
        if (indent > maxIndent) return offset;
    }
    if (brackets > maxNesting || indicators > maxNesting) return offset;
    if (!isMark(token)) offset += token.length;
  }
  return undefined;
}

/** Tokens the lexer puts in between; they stand for no text. */
function isMark(token: string): boolean {
  return token === CST.DOCUMENT || token === CST.FLOW_END || token === CST.SCALAR;
}
