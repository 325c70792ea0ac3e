import { type Document, visit } from 'yaml';
import { foreignText } from './foreign-text.ts';
import type { YamlMistake } from './yaml-mistakes.ts';

/** `*name` where no `&name` stands before it, or inside of what it names. */
export function wrongAliases(document: Document): YamlMistake[] {
  const anchored = new Map<string, unknown>();
  const found: YamlMistake[] = [];
  visit(document, {
    Node(_, node) {
      if ('anchor' in node && typeof node.anchor === 'string') anchored.set(node.anchor, node);
    },
    Alias(_, { source, range }, path) {
      const [name, offset] = [foreignText(source, 50) ?? '', range?.[0] ?? 0];
      if (!anchored.has(source)) {
        const suggestion = 'put a text that begins with * in quotes';
        found.push({ offset, message: `there is no &${name} before *${name}`, suggestion });
      } else if (path.some((node) => node === anchored.get(source))) {
        found.push({
          offset,
          message: `*${name} stands inside of &${name}, which would hold itself without end`,
        });
      }
    },
  });
  return found;
}
