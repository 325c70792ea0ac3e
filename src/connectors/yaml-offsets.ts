import { isScalar, type Node, type Scalar } from 'yaml';

/** Where a character of a scalar's text stands behind its beginning in the file; 0 when that cannot be told. */
export function offsetInSource(scalar: Scalar | Node, text: string, offset: number): number {
  if (!isScalar(scalar) || typeof scalar.value !== 'string' || !scalar.range) return 0;
  const source = text.slice(scalar.range[0], scalar.range[1]);
  if (source.startsWith(scalar.value)) return offset;
  if (source.slice(1, -1) === scalar.value) return offset + 1;
  if (source.startsWith('|')) return offsetInBlock(scalar.value, source, offset);
  if (!source.startsWith("'") || source.includes('\n')) return offsetByPlace(scalar.value, source, offset);
  const before = scalar.value.slice(0, offset);
  return offset + 1 + (before.split("'").length - 1);
}

/** In a text that is folded or holds escapes: its places stand in the same order as in the file. */
function offsetByPlace(value: string, source: string, offset: number): number {
  const begun = value.lastIndexOf('{{', offset);
  if (begun < 0) return 0;
  let found = -1;
  for (let at = value.indexOf('{{'); at >= 0 && at <= begun; at = value.indexOf('{{', at + 2)) {
    found = source.indexOf('{{', found + 1 + Number(found >= 0));
    if (found < 0) return 0;
  }
  const within = source.slice(found, found + offset - begun);
  return found < 0 || within.includes('\n') ? Math.max(found, 0) : found + offset - begun;
}

/** In a block, which begins in the line after its `|` and is indented. */
function offsetInBlock(value: string, source: string, offset: number): number {
  const before = value.slice(0, offset).split('\n');
  const line = before.length - 1;
  const lines = source.split('\n');
  const above = lines.slice(0, line + 1).join('\n').length + 1;
  const written = lines[line + 1]?.replace(/\r$/, '') ?? '';
  const indent = written.length - (value.split('\n')[line] ?? '').length;
  return above + Math.max(indent, 0) + (before[line] ?? '').length;
}
