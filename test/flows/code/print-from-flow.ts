import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCodeFlow } from '../../../src/flows/code/load-module.ts';
import { noConnectors } from '../../support/connectors.ts';

// A process of its own: a flow that prints, at its top and in a step, and one that waits for ever.
const folder = mkdtempSync(join(tmpdir(), 'sluice-print-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return [join(folder, name), text] as const;
};
const printing = write(
  'a.mjs',
  `import { defineFlow } from 'sluice-mcp';
console.log('at the top');
export default defineFlow({ id: 'a' }).step('x', () => { console.info('in a step'); console.table([1]); return 'done'; });`,
);
const waiting = write('b.mjs', 'await new Promise(() => {});\nexport default 1;');

const loaded = await loadCodeFlow(...printing);
const stuck = await loadCodeFlow(...waiting, 20);
if (!('flow' in loaded) || !('problems' in stuck)) throw new Error(JSON.stringify([loaded, stuck]));
const result = await loaded.flow.run({
  batchJobId: 'job-1',
  params: {},
  connectors: noConnectors(),
  signal: new AbortController().signal,
  state: () => {
    throw new Error('no state here');
  },
  log: () => {},
  glob: async () => [],
  total: 1,
  index: 0,
  id: null,
  revision: 0,
  payload: {},
});
process.stdout.write(`${JSON.stringify(result)}\n`);
