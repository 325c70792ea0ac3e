import { type Document, isCollection, isScalar, Scalar, visit } from 'yaml';
import { unquotedTemplate, type YamlMistake } from './yaml-mistakes.ts';

/**
 * Turns `items: {{ input_records }}` into the text it is meant to be: without quotes YAML reads a map whose
 * only key is a map.
 */
export function readTemplatesAsTexts(document: Document, text: string): void {
  visit(document, {
    Map(_, node) {
      const { range } = node;
      if (!range || node.flow !== true) return undefined;
      const source = text.slice(range[0], range[1]);
      if (!/^\{\{[^{}]*\}\}$/s.test(source)) return undefined;
      const scalar = new Scalar(source);
      scalar.range = range;
      return scalar;
    },
  });
}

/** Makes keys such as 01067 the texts that are written: YAML reads a number, and its text would be 1067. */
export function readNumbersAsKeys(document: Document): void {
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && typeof key.value === 'number' && key.source !== undefined) key.value = key.source;
    },
  });
}

/** Keys that are maps or lists, as templates without quotes seem to be. */
export function keysThatAreNoTexts(document: Document, text: string): YamlMistake[] {
  const found: YamlMistake[] = [];
  visit(document, {
    Map(_, map) {
      for (const { key } of map.items) {
        if (!isCollection(key)) continue;
        const [offset = 0] = key.range ?? [];
        found.push(unquotedTemplate(text, offset) ?? { offset, message: 'a key must be a text' });
      }
    },
  });
  return found;
}
