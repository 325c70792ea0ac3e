import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
export const installNotes = readFileSync(join(root, 'docs/install.md'), 'utf8');

/** Texts of the fenced blocks that open with `info`, such as `sh run`. */
export const blocks = (info: string): string[] =>
  [...installNotes.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, opened]) => opened === info)
    .map(([, , text = '']) => text);

export const commands = (info: string): string[] => blocks(info).flatMap((text) => text.trim().split('\n'));

/** The JSON of a client's configuration. */
export const configuration = (client: string): unknown => JSON.parse(blocks(`json ${client}`)[0] ?? 'null');

/** Address of the link with this text. */
export function link(text: string): URL {
  const found = installNotes.match(new RegExp(`\\[${text}\\]\\((\\S+)\\)`))?.[1];
  return new URL(found ?? 'about:blank');
}
