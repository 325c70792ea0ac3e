import { type Document, isScalar, visit } from 'yaml';

/** A key that its map has had before. */
export interface DuplicateKey {
  readonly key: string;
  readonly offset: number;
}

/** Finds keys that are given twice. The parser's own check compares each key with all others of its map. */
export function duplicateKeys(document: Document): DuplicateKey[] {
  const found: DuplicateKey[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) found.push({ key: name, offset: key.range?.[0] ?? 0 });
        seen.add(name);
      }
    },
  });
  return found;
}
