import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, readConfig } from './config.ts';
import { shellWord } from './domain/shell-word.ts';

/**
 * What a person types for `sluice` where no such command is installed: a bundle, `npx` and a clone bring the program
 * and put nothing on the path.
 */
export function terminalCommand({ home, flowsFolder }: Pick<Config, 'home' | 'flowsFolder'>): string {
  // A chat client may run the program by itself, in place of Node.
  const node = /^node(\.exe)?$/.test(basename(process.execPath)) ? process.execPath : 'node';
  const command = [node, fileURLToPath(new URL('./main.js', import.meta.url))].map(shellWord).join(' ');
  const folders = [
    ...(home === readConfig({}).home ? [] : [`SLUICE_HOME=${shellWord(home)}`]),
    ...(flowsFolder === join(home, 'flows') ? [] : [`SLUICE_FLOWS=${shellWord(flowsFolder)}`]),
  ];
  return folders.length === 0 ? command : `${command}, with ${folders.join(' and ')} set`;
}
