import { type Document, visit } from 'yaml';
import { foreignText } from './foreign-text.ts';
import type { YamlMistake } from './yaml-mistakes.ts';

/** `*name` where no `&name` stands before it. */
export function unknownAliases(document: Document): YamlMistake[] {
  const anchors = new Set<string>();
  const found: YamlMistake[] = [];
  visit(document, {
    Node(_, node) {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor);
    },
    Alias(_, { source, range }) {
      if (anchors.has(source)) return;
      const name = foreignText(source, 50) ?? '';
      found.push({
        offset: range?.[0] ?? 0,
        message: `there is no &${name} before *${name}`,
        suggestion: 'put a text that begins with * in quotes',
      });
    },
  });
  return found;
}
