import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { type FileProblem, maxFileProblems, sortProblems } from './file-problem.ts';
import { foreignText } from './foreign-text.ts';
import { mergeKeys, wrongAliases } from './yaml-aliases.ts';
import { excessOf } from './yaml-depth.ts';
import { duplicateKeys } from './yaml-duplicates.ts';
import { mistakesOf, type YamlMistake } from './yaml-mistakes.ts';
import { offsetInSource } from './yaml-offsets.ts';
import { keysThatAreNoTexts, readNumbersAsKeys, readTemplatesAsTexts } from './yaml-readings.ts';

const maxCharacters = 1_000_000;

/** Keys and list positions from the root of a file down to one of its nodes. */
export type NodePath = readonly (string | number)[];

/** A spot in a file: a node, its key, or a character of its text. */
export interface Spot {
  readonly path: NodePath;
  /** Points at the key instead of the value. */
  readonly key?: boolean;
  /** Characters into the text of a scalar. */
  readonly offset?: number;
}

/** A YAML file that could be read, with the place of everything in it. */
export interface YamlFile {
  readonly value: unknown;
  /** A problem at a spot; where the spot does not exist, at what would hold it. */
  problem(spot: Spot, message: string, suggestion?: string): FileProblem;
}

/** Problems repeat names from the file, which may hold anything. */
const shown = (text: string) => foreignText(text, 1_000) ?? '';

type ProblemAt = (offset: number, message: string, suggestion?: string) => FileProblem;

/** Reads a YAML text. Never throws: whatever is wrong comes back as problems. */
export function readYaml(text: string, file: string): { yaml: YamlFile } | { problems: FileProblem[] } {
  const lines = new LineCounter();
  const at: ProblemAt = (offset, message, suggestion) => {
    const { line, col } = lines.linePos(offset);
    const place = { file, line: Math.max(line, 1), column: Math.max(col, 1), message: shown(message) };
    return suggestion === undefined ? place : { ...place, suggestion: shown(suggestion) };
  };
  if (text.length > maxCharacters) {
    return { problems: [at(0, `is larger than ${maxCharacters} characters, the most a file may have`)] };
  }

  const excess = excessOf(text);
  if (excess !== undefined) {
    // The parser has not run, so it has not told where lines begin.
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1);
    return { problems: [at(excess.offset, excess.message)] };
  }

  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
  readTemplatesAsTexts(document, text);
  readNumbersAsKeys(document);
  const wrong = syntaxProblems(document, text, at);
  if (wrong.length > 0) return { problems: sortProblems(wrong) };

  try {
    const value: unknown = document.toJS({ maxAliasCount: 20 });
    return {
      yaml: {
        value,
        problem: (spot, message, suggestion) => at(offsetOf(document, text, spot), message, suggestion),
      },
    };
  } catch {
    return { problems: [at(0, 'uses too many aliases (*name)')] };
  }
}

function syntaxProblems(document: Document.Parsed, text: string, at: ProblemAt): FileProblem[] {
  // An unknown tag is only a warning to the parser; here nothing is guessed.
  const errors = [...document.errors, ...document.warnings].slice(0, maxFileProblems);
  const twice = duplicateKeys(document).map(
    ({ key, offset }): YamlMistake => ({
      offset,
      message: `the key "${foreignText(key, 100) ?? ''}" is given twice`,
    }),
  );
  const strange = errors.length > 0 ? [] : keysThatAreNoTexts(document, text);
  const others = [...wrongAliases(document), ...mergeKeys(document), ...strange, ...twice];
  return [...mistakesOf(document, text, errors), ...others.slice(0, maxFileProblems)].map(
    ({ offset, message, suggestion }) => at(offset, message, suggestion),
  );
}

function offsetOf(document: Document, text: string, spot: Spot): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, segment] of spot.path.entries()) {
    const found = childOf(document, node, segment);
    if (found === undefined) return offset;
    const wantsKey = depth < spot.path.length - 1 || spot.key === true;
    offset =
      (wantsKey ? startOf(found.key) : undefined) ?? startOf(found.value) ?? startOf(found.key) ?? offset;
    node = found.value;
  }
  if (spot.offset === undefined || !isScalar(node)) return offset;
  return offset + offsetInSource(node, text, spot.offset);
}

function childOf(document: Document, parent: unknown, segment: string | number) {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(node)) return { key: undefined, value: node.items[Number(segment)] };
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
