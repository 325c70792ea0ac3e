import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { openDrafts } from '../../src/flows/drafts.ts';
import { openFlowLibrary } from '../../src/flows/flow-library.ts';
import { approveDraft, saveFlow } from '../../src/flows/save-flow.ts';
import { stepKinds } from '../../src/flows/steps/catalogue.ts';

function shelf() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-shelf-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return { folder, flows: openFlowLibrary(folder), drafts: openDrafts(folder) };
}

const hook = (host: string) =>
  `flow: notify\nsteps:\n  tell: { type: http_request, url: "https://${host}/x", method: POST }\n`;

/** These reach no further than connectors that a person has declared. */
const harmless = ['http_request', 'transform', 'echo', 'fail', 'switch', 'batch', 'aggregate'];

test.each(stepKinds.map(({ name, example }) => [name, example]))(
  'a flow with %s is a draft if it reaches further than connectors',
  async (name, example) => {
    const place =
      name === 'aggregate'
        ? { steps: [{ type: 'echo' }], finally: [parse(example)] }
        : { steps: [parse(example)] };

    const saving = await saveFlow(shelf(), { text: stringify({ flow: 'x', ...place }) });

    expect(saving).toHaveProperty('flow');
    const isDraft = 'draft' in saving && saving.draft !== undefined;
    expect(isDraft).toBe(!harmless.includes(name));
  },
);

test.each<[string, object]>([
  ['a URL', { type: 'http_request', url: 'https://x.example/' }],
  ['an environment variable', { type: 'echo', message: '{{ env.HOME }}' }],
  ['a program inside a loop', { type: 'batch', items: [1], task: { type: 'shell', command: ['ls'] } }],
  [
    'a URL inside a case',
    { type: 'switch', on: '"b"', cases: { b: { type: 'http_request', url: 'https://x.example/' } } },
  ],
  [
    'a URL when a step fails',
    { type: 'echo', on_error: { type: 'http_request', url: 'https://x.example/' } },
  ],
])('%s takes a person, wherever it stands', async (_, step) => {
  for (const place of [{ steps: [step] }, { steps: [{ type: 'echo' }], finally: [step] }]) {
    const saving = await saveFlow(shelf(), { text: stringify({ flow: 'x', ...place }) });

    expect(saving).toMatchObject({ draft: { reasons: expect.arrayContaining([expect.any(String)]) } });
  }
});

test('a draft that was changed while a person looked is not approved', async () => {
  const place = shelf();
  const first = await saveFlow(place, { text: hook('good.example') });
  const { revision = '' } = 'draft' in first ? (first.draft ?? {}) : {};
  await saveFlow(place, { text: hook('evil.example'), replaces: revision });

  await expect(approveDraft(place, 'notify', revision)).rejects.toThrow(/has changed since you looked/);

  expect(await place.flows.list()).toEqual([]);
  expect(await place.drafts.list()).toHaveLength(1);
});

test('of many that approve a draft at once, one does', async () => {
  const place = shelf();
  const saving = await saveFlow(place, { text: hook('good.example') });
  const { revision = '' } = 'draft' in saving ? (saving.draft ?? {}) : {};

  const ends = await Promise.allSettled(
    Array.from({ length: 5 }, () => approveDraft(place, 'notify', revision)),
  );

  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(readFileSync(join(place.folder, 'notify.yaml'), 'utf8')).toBe(hook('good.example'));
});

test('nothing is left in the folder but flows', async () => {
  const place = shelf();
  await saveFlow(place, { text: 'flow: a\ntarget: echo\n' });
  await saveFlow(place, { text: 'flow: a\ntarget: { connector: 7 }\n' });
  await saveFlow(place, { text: 'flow: a\ntarget: echo\ndescription: other\n' });
  await saveFlow(place, { text: hook('good.example') });

  expect(readdirSync(place.folder, { recursive: true }).sort()).toEqual([
    'a.yaml',
    'drafts',
    join('drafts', 'notify.yaml'),
  ]);
});

test('a name whose file holds something else gets a file of its own, or is refused', async () => {
  const place = shelf();
  writeFileSync(join(place.folder, 'a.yaml'), 'flow: other\ntarget: echo\n');

  const unversioned = await saveFlow(place, { text: 'flow: a\ntarget: echo\n' });
  const versioned = await saveFlow(place, { text: 'flow: a\nversion: 3\ntarget: echo\n' });

  expect(unversioned).toMatchObject({ problems: [expect.stringContaining('something else under a.yaml')] });
  expect(versioned).toMatchObject({ file: join(place.folder, 'a@3.yaml') });
});

test('another version is no way around a flow that has none', async () => {
  const place = shelf();
  await saveFlow(place, { text: 'flow: a\ntarget: echo\n' });

  const saving = await saveFlow(place, { text: 'flow: a\nversion: 3\ntarget: echo\n' });

  expect(saving).toMatchObject({
    problems: [expect.stringMatching(/There is a flow a .*pass replaces: "\w+"$/)],
  });
});

test('a flow without a version does not hide behind one that has one', async () => {
  const place = shelf();
  await saveFlow(place, { text: 'flow: a\nversion: 1\ntarget: echo\n' });
  await saveFlow(place, { text: 'flow: a\nversion: 2\ntarget: echo\n' });

  const saving = await saveFlow(place, { text: 'flow: a\ntarget: echo\n' });

  expect(saving).toMatchObject({ problems: [expect.stringMatching(/a@2 .*and a@1 .*a version of its own/)] });
});

test('a code flow is never written over', async () => {
  const place = shelf();
  writeFileSync(join(place.folder, 'coded.mjs'), 'export default { id: "coded" }; throw new Error("x");\n');
  const [listing] = await place.flows.list();

  const saving = await saveFlow(place, { text: 'flow: coded\ntarget: echo\n', replaces: listing?.revision });

  expect(listing?.name).toBe('coded');
  expect(saving).toMatchObject({ problems: [expect.stringContaining('is a code flow')] });
});

test('a folder that cannot be written is said so', async () => {
  const { folder } = shelf();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const place = {
    flows: {
      folder: join(file, 'flows'),
      list: async () => [],
      loaded: async () => [],
      findRevision: async () => undefined,
    },
    drafts: openDrafts(file),
  };

  await expect(saveFlow(place, { text: 'flow: a\ntarget: echo\n' })).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringContaining('cannot be written'),
  });
});

test('a text that drops what holds back a start, or shows what was redacted, takes a person', async () => {
  const place = shelf();
  const text = (more: string) => `flow: import\n${more}target: echo\n`;
  const guarded = 'confirm: human\nredact: [email, phone]\n';
  writeFileSync(join(place.folder, 'import.yaml'), text(guarded));
  const [before] = await place.flows.list();
  const save = (more: string) =>
    saveFlow(place, {
      text: text(more),
      ...(more.includes('version') ? {} : { replaces: before?.revision }),
    });

  const dropped = await save('');
  expect(dropped).toMatchObject({
    draft: { reasons: ['leaves out confirm: human', 'no longer redacts email, phone'] },
  });
  if ('draft' in dropped && dropped.draft !== undefined) await place.drafts.drop(dropped.draft);
  expect(await save('confirm: plan\nredact: [email, phone]\n')).toHaveProperty('draft.reasons.0');
  expect((await place.flows.list())[0]?.revision).toBe(before?.revision);
  await place.drafts.find('import').then((draft) => draft && place.drafts.drop(draft));
  expect(await save(`${guarded}description: more\n`)).toMatchObject({ draft: undefined });
});

test('a flow that would be published where another one is, is not saved', async () => {
  const place = shelf();
  const text = (name: string) => `flow: ${name}\ntarget: echo\npublished_api: { path: /people }\n`;
  await saveFlow(place, { text: text('first') });

  const second = await saveFlow(place, { text: text('second') });
  const changed = await saveFlow(place, { text: `${text('first')}version: 2\n` });

  expect(second).toEqual({
    problems: [expect.stringContaining('published_api.path /people is that of the flow first already')],
  });
  expect(changed).toMatchObject({ problems: [expect.stringContaining('replaces')] });
});
