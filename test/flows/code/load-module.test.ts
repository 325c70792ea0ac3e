import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadCodeFlow } from '../../../src/flows/code/load-module.ts';
import type { Attempt } from '../../../src/flows/flow.ts';
import { formatProblem } from '../../../src/flows/flow-identity.ts';
import { openFlowLibrary } from '../../../src/flows/flow-library.ts';
import * as entry from '../../../src/index.ts';
import { noConnectors } from '../../support/connectors.ts';
import { stateIn } from './run-code.ts';

async function folder(files: Readonly<Record<string, string>> = {}) {
  const path = await mkdtemp(join(tmpdir(), 'sluice-modules-'));
  onTestFinished(() => rm(path, { recursive: true }));
  const write = (name: string, text: string) => writeFile(join(path, name), text);
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return { path, write, flows: openFlowLibrary(path) };
}

/** Loads one module from a folder that knows no packages. */
async function load(text: string, name = 'a.mjs', deadlineMs = 10_000) {
  const { path } = await folder({ [name]: text });
  return loadCodeFlow(join(path, name), text, deadlineMs);
}

async function problemIn(text: string, name = 'a.mjs', deadlineMs = 10_000): Promise<string> {
  const loaded = await load(text, name, deadlineMs);
  if (!('problems' in loaded)) throw new Error('was loaded');
  return loaded.problems.map((problem) => formatProblem(problem).replace(/^[^:]*\//, '')).join('\n');
}

const attempt = (payload: Attempt['payload']): Attempt => ({
  batchJobId: 'job-1',
  params: {},
  connectors: noConnectors(),
  signal: new AbortController().signal,
  state: () => stateIn(new Map(), 'run'),
  log: () => {},
  glob: async () => [],
  total: 1,
  index: 0,
  id: null,
  revision: 0,
  payload,
});

const flow = (result: string, id = 'a') =>
  `import { defineFlow } from 'sluice-mcp';\nexport default defineFlow({ id: '${id}' }).step('x', () => ${result});\n`;

test.each(['a.mjs', 'a.js'])('%s is loaded from a folder without packages', async (name) => {
  const text = `import * as cronflow from 'sluice-mcp';
import { z } from 'zod';
const input = z.object({ n: z.number() });
export default cronflow.define({ id: 'double', input }).step('x', (ctx) => ctx.payload.n * 2);`;

  const loaded = await load(text, name);

  expect(loaded).toMatchObject({
    flow: { name: 'double', kind: 'code', text, revision: expect.stringMatching(/^[0-9a-f]{16}$/) },
  });
  expect('flow' in loaded && (await loaded.flow.run(attempt({ n: 21 })))).toBe(42);
  await expect('flow' in loaded && loaded.flow.run(attempt({ n: 'x' }))).rejects.toMatchObject({
    failure: { code: 'input_invalid' },
  });
});

test('a module gets everything that the package exports', async () => {
  const text = `import * as all from 'sluice-mcp';
export default all.defineFlow({ id: 'a' }).step('x', () => Object.keys(all).sort());`;
  const loaded = await load(text);

  expect('flow' in loaded && (await loaded.flow.run(attempt({})))).toEqual(Object.keys(entry).sort());
});

test('a package of the folder itself comes before that of Sluice', async () => {
  const { path } = await folder();
  await mkdir(join(path, 'node_modules/zod'), { recursive: true });
  await writeFile(join(path, 'node_modules/zod/package.json'), '{"type":"module","exports":"./index.js"}');
  await writeFile(join(path, 'node_modules/zod/index.js'), `export const z = 'their own';`);
  const text = `import { z } from 'zod';\n${flow('z')}`;
  await writeFile(join(path, 'a.mjs'), text);

  const loaded = await loadCodeFlow(join(path, 'a.mjs'), text);

  expect('flow' in loaded && (await loaded.flow.run(attempt({})))).toBe('their own');
});

test.each([
  [
    'a syntax error',
    `export default 1;\nconst a = ;\n`,
    "a.mjs:2:11 is no valid module: SyntaxError: Unexpected token ';'",
  ],
  [
    'an error at the top',
    `export default 1;\n\n  nowhere();`,
    'a.mjs:3:3 broke while it was loaded: ReferenceError: nowhere is not defined',
  ],
  [
    'a package that is not there',
    `import x from 'no-such-package';\nexport default x;`,
    'a.mjs:1:15 broke while it was loaded: Error: Cannot find package',
  ],
  [
    'a name that is not exported',
    `import { defineFlaw } from 'sluice-mcp';\nexport default defineFlaw;`,
    'a.mjs:1:10 broke while it was loaded: SyntaxError: The requested module',
  ],
  [
    'another default export',
    `export default { id: 'a' };`,
    'a.mjs:1:1 has a default export that does not come from defineFlow; a name that begins with _ marks a module that is no flow',
  ],
  [
    'no steps',
    `import { defineFlow } from 'sluice-mcp';\nexport default defineFlow({ id: 'a' });`,
    'a.mjs:1:1 the flow has no steps',
  ],
  [
    'a step twice',
    `${flow('1').trim().replace(/;$/, '')}\n  .step('x', () => 2);`,
    'a.mjs:3:4 the name "x" is given twice',
  ],
  [
    'an open if',
    `${flow('1').trim().replace(/;$/, '')}\n  .if('vip', () => true);`,
    `a.mjs:3:7 the if "vip" has no endIf()`,
  ],
  [
    'wrong settings',
    `import { defineFlow } from 'sluice-mcp';\nexport default defineFlow({ id: 'a', size: 0 }).step('x', () => 1);`,
    'a.mjs:2:16 defineFlow: size must be a whole number from 1 to 10000',
  ],
  [
    'a wrong parameter',
    `import { defineFlow } from 'sluice-mcp';\nexport default defineFlow({ id: 'a', params: { x: { required: 1 } } }).step('x', () => 1);`,
    'a.mjs:2:16 defineFlow: params.x.required must be true or false',
  ],
  [
    'something thrown that is no error',
    `throw 'tantrum';\nexport default 1;`,
    'a.mjs:1:1 broke while it was loaded: tantrum',
  ],
  [
    'an error that quotes an address',
    `export default 1;\nthrow new Error('no way to postgres://me:pa55@db/x');`,
    'a.mjs:2:7 broke while it was loaded: Error: no way to postgres://[secret]@db/x',
  ],
])('%s is reported with its place', async (_, text, problem) => {
  expect(await problemIn(text)).toContain(problem);
});

test('a module that waits for ever is reported after the deadline', async () => {
  const text = `await new Promise((resolve) => setTimeout(resolve, 600_000).unref());\nexport default 1;`;

  expect(await problemIn(text, 'a.mjs', 50)).toBe(
    'a.mjs:1:1 did not finish loading within 0.05 s; does it wait for something at the top?',
  );
});

const readsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript);

test.runIf(readsTypeScript)('TypeScript is loaded where Node can read it', async () => {
  expect(await load(flow('1 as number'), 'a.ts')).toHaveProperty('flow');
});

test.skipIf(readsTypeScript)('TypeScript is refused where Node cannot read it', async () => {
  expect(await problemIn('export default 1;', 'a.ts')).toBe(
    'a.ts:1:1 is TypeScript, which this Node cannot load; run Sluice with Node 22.18 or newer, or write it as .mjs',
  );
});

test('a module without a default export is none of the flows', async () => {
  const { flows } = await folder({
    'shared.mjs': `export const answer = 42;`,
    'switch.mjs': `export function f(x) { switch (x) { default: return 1; } }`,
    '_private.mjs': `throw new Error('never loaded');`,
    'types.d.ts': `export default interface A {}`,
    '.hidden.mjs': `throw new Error('never loaded');`,
    'a.mjs': `import { answer } from './shared.mjs';\n${flow('answer')}`,
  });

  expect((await flows.list()).map(({ name, problems }) => [name, problems])).toEqual([['a', []]]);
  expect(await (await flows.find('a')).run(attempt({}))).toBe(42);
});

test('a module that throws takes no other flow with it', async () => {
  const { flows } = await folder({
    'bad.mjs': `import { defineFlow } from 'sluice-mcp';\nthrow new Error('boom');\nexport default defineFlow({ id: 'broken-one', version: 3 });`,
    'good.mjs': flow('1', 'good'),
    'c.yaml': 'flow: mapped\ntarget: echo\n',
  });

  expect((await flows.list()).map(({ name, version, problems }) => [name, version, problems.length])).toEqual(
    [
      ['broken-one', 3, 1],
      ['good', null, 0],
      ['mapped', null, 0],
    ],
  );
  await expect(flows.find('broken-one')).rejects.toMatchObject({
    code: 'flow_invalid',
    message: expect.stringContaining('bad.mjs:2:7 broke while it was loaded: Error: boom'),
  });
});

test('an edited module is loaded anew, with what it imports; who holds the old one keeps it', async () => {
  const { flows, write } = await folder({
    '_part.mjs': `export const part = 'old';`,
    'a.mjs': `import { part } from './_part.mjs';\n${flow("['one', part]")}`,
  });
  const before = await flows.find('a');

  await write('_part.mjs', `export const part = 'new';`);
  await write('a.mjs', `import { part } from './_part.mjs';\n${flow("['two', part]")}`);
  const after = await flows.find('a');

  expect(await before.run(attempt({}))).toEqual(['one', 'old']);
  expect(await after.run(attempt({}))).toEqual(['two', 'new']);
  expect(after.revision).not.toBe(before.revision);
  expect(await flows.findRevision(before.revision)).toBe(before);
  expect(await flows.findRevision('0000000000000000')).toBeUndefined();
});

test('two versions of a flow live beside each other', async () => {
  const versioned = (version: number) =>
    flow(String(version)).replace("id: 'a'", `id: 'a', version: ${version}`);
  const { flows } = await folder({ 'a1.mjs': versioned(1), 'a2.mjs': versioned(2) });

  expect(await (await flows.find('a')).run(attempt({}))).toBe(2);
  expect(await (await flows.find('a@1')).run(attempt({}))).toBe(1);
});

test('a module that did not change is run once', async () => {
  const { flows, write, path } = await folder();
  const log = join(path, 'log.txt');
  await write(
    'a.mjs',
    `import { appendFileSync } from 'node:fs';\nappendFileSync(${JSON.stringify(log)}, 'x');\n${flow('1')}`,
  );

  await Promise.all([flows.list(), flows.list()]);
  expect(await flows.find('a')).toBe(await flows.find('a'));

  expect(await readFile(log, 'utf8')).toBe('x');
});

test('a module that is wrong is tried again when one that it may import changes', async () => {
  const { flows, write } = await folder({
    '_part.mjs': `throw new Error('not yet');`,
    'a.mjs': `import './_part.mjs';\n${flow('1')}`,
  });
  await expect(flows.find('a')).rejects.toThrow('not yet');

  await write('_part.mjs', '');

  expect((await flows.find('a')).name).toBe('a');
});

test('an invalid flow is found by its id', async () => {
  const { flows } = await folder({ 'a.mjs': flow('1', 'import-users').replace(".step('x'", ".step(''") });

  await expect(flows.find('import-users')).rejects.toMatchObject({ code: 'flow_invalid' });
});
