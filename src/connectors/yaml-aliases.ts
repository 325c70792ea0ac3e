import { type Document, isScalar, visit } from 'yaml';
import { foreignText } from './foreign-text.ts';
import type { YamlMistake } from './yaml-mistakes.ts';

/** `<<`, which YAML 1.1 had: read as a name it would be sent as a field. */
export function mergeKeys(document: Document): YamlMistake[] {
  const found: YamlMistake[] = [];
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || key.value !== '<<' || key.type !== 'PLAIN') return;
      found.push({
        offset: key.range?.[0] ?? 0,
        message: 'a merge key (<<) is none of YAML 1.2, and would be a field of that name',
        suggestion: 'write the fields out, or put it in quotes if the field is called so',
      });
    },
  });
  return found;
}

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
