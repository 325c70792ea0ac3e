import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { loadCodeFlow } from '../../../src/flows/code/load-module.ts';
import { attempt } from './run-code.ts';

// A process of its own: a step that does not wait for a promise that fails, and throws in a timer.
const folder = mkdtempSync(join(tmpdir(), 'sluice-stray-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const file = join(folder, 'stray.mjs');
const text = `import { define } from 'sluice-mcp';
const notify = async () => { throw new TypeError('no mail to Zoe Quill'); };
const later = () => { throw new RangeError('too late for Zoe Quill'); };
export default define({ id: 'stray' }).step('x', () => { notify(); setTimeout(later); return 'done'; });`;
writeFileSync(file, text);

const loaded = await loadCodeFlow(file, text);
if (!('flow' in loaded)) throw new Error(JSON.stringify(loaded));
const result = await loaded.flow.run(attempt({}, {}, { kept: [], memory: new Map(), logged: [] }));
await wait(100);
process.stdout.write(`${JSON.stringify(result)}\n`);
