import type { SourceFormat } from './source.ts';

const candidates = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof candidates)[number];

/** The first line by which a spreadsheet is told the delimiter; it is no header. */
export const delimiterLine = /^sep=([,;\t|])\r?$/i;

const maxHeaderCharacters = 65_536;

/** The delimiter of CSV text: the one the header has most of, outside quotes. */
export function sniffDelimiter(head: string, format: SourceFormat): Delimiter {
  if (format === 'tsv') return '\t';
  const start = head.slice(0, maxHeaderCharacters).trimStart();
  const told = delimiterLine.exec(start.split('\n', 1)[0] ?? '')?.[1];
  const counts = countInHeader(start);
  const [most] = candidates.toSorted((a, b) => counts[b] - counts[a]);
  return candidates.find((candidate) => candidate === told) ?? most ?? ',';
}

function countInHeader(text: string): Record<Delimiter, number> {
  const counts = { ',': 0, ';': 0, '\t': 0, '|': 0 };
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (quoted) continue;
    if (character === '\n') break;
    if (isCandidate(character)) counts[character]++;
  }
  return counts;
}

function isCandidate(character: string): character is Delimiter {
  return (candidates as readonly string[]).includes(character);
}
