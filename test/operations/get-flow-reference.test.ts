import { expect, test } from 'vitest';
import { stepKinds } from '../../src/flows/steps/catalogue.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import { getFlowReference } from '../../src/operations/get-flow-reference.ts';
import { readTopics, topicsOf } from '../../src/operations/reference-topics.ts';
import { tokens } from '../support/tokens.ts';

const ask = (topic?: string) =>
  getFlowReference.run({} as OperationContext, topic === undefined ? {} : { topic });
const topics = await readTopics();
const names = topics.map(({ name }) => name);

test('without a topic it answers the smallest flow of each kind, and says what every other topic is about', async () => {
  const { topic, text, topics: others } = await ask();

  expect(topic).toBe('the-smallest-flows');
  expect(
    [...text.matchAll(/^```yaml flow\n([\s\S]*?)^```$/gm)].map(([, flow = '']) => /^steps:/m.test(flow)),
  ).toEqual([false, true]);
  expect(Object.keys(others)).toEqual(names.filter((name) => name !== topic));
  expect(others.http_request).toBe('Calls an HTTP API: a declared connector, or a whole URL');
});

test('a topic is the part of the docs under its heading, with the topics around it', async () => {
  const { topic, text, topics: others } = await ask('chunks');

  expect(topic).toBe('chunks');
  expect(text).toMatch(/^### Chunks\n\nWith `size: 100` one run takes/);
  expect(text).not.toContain('### The end of a job');
  expect(Object.keys(others)).toEqual([
    'flows-of-steps',
    'names-and-places',
    'failures-and-retries',
    'the-end-of-a-job',
    'programs-databases-and-other-servers',
  ]);
});

test.each([
  ['Failures and retries', 'failures-and-retries'],
  ['HTTP_request', 'http_request'],
  ['http request', 'http_request'],
  ['Which rows run, and when', 'which-rows-run-and-when'],
])('a topic may be named as a person writes it: %s', async (said, name) => {
  expect((await ask(said)).topic).toBe(name);
});

test.each([
  ['graphql', 'answers-that-say-no-with-200'],
  ['multipart', 'http_request'],
  ['excel', 'files-of-records'],
  ['epoch', 'mapping'],
  ['download', '4-download-a-list-of-files'],
])('a word that is no topic leads to those that speak of it: %s', async (said, name) => {
  await expect(ask(said)).rejects.toThrow(new RegExp(`it is spoken of in [^.]*\\b${name}\\b`));
});

test('every topic has a name and an about of its own, and the kinds of steps are among them', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(topics.filter(({ about }) => about === '').map(({ name }) => name)).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(stepKinds.map(({ name }) => name)));
});

test.each([undefined, ...names])('the answer about %s fits a conversation', async (name) => {
  expect(tokens(await ask(name))).toBeLessThan(2000);
});

test('the table of transforms is answered whole', async () => {
  const { text } = await ask('transforms');

  expect(text).toContain('| `default(value)` |');
  expect(text).toContain('| `sort` |');
});

test('a link names the topic it leads to, and what is in code is no link', () => {
  const [, made, broad] = topicsOf([
    {
      file: 'a',
      text: '# A\n\n## Made\n\nSee [the b](b.md#small), [b.md](b.md), `[x](b.md)` and [c](c.md#d).\n',
    },
    { file: 'b', text: '# Broad\n\n```yaml\n# [no](b.md) heading\n```\n\n## Small\n' },
  ]);

  expect(made?.text).toBe('## Made\n\nSee the b (topic small), topic broad, `[x](b.md)` and c (docs/c.md).');
  expect(broad).toMatchObject({ name: 'broad', related: ['small'] });
  expect(broad?.text).toContain('# [no](b.md) heading');
});

test('no topic of the docs has a link to a file', () => {
  const left = topics.flatMap(({ text }) =>
    [...text.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)]*)\)/g)].map(([, link]) => link),
  );

  expect(left.filter((link) => !link?.startsWith('https://'))).toEqual([]);
});

test('headings of the same name are told apart by their pages', () => {
  const found = topicsOf([
    { file: 'flows', text: '# Flows\n\n## Undo\n' },
    { file: 'steps', text: '# Steps\n\n## Undo\n\nSee [above](#undo).\n' },
  ]);

  expect(found.map(({ name }) => name)).toEqual(['flows', 'flows/undo', 'steps', 'steps/undo']);
  expect(found[3]?.text).toContain('above (topic steps/undo)');
});

test.each([
  ['maping', /there is no topic "maping"; did you mean mapping\? The topics are .*http_request/],
  [
    'json_patch',
    /no topic "json_patch"; it is spoken of in correcting-them-first, correcting-a-file\. The topics/,
  ],
  ['retry', /it is spoken of in fail, .*failures-and-retries/],
  ['x'.repeat(90), /no topic "x{60}"\. The topics/],
])('a topic that is not there is refused with those that are: %s', async (topic, message) => {
  await expect(ask(topic)).rejects.toThrow(message);
});
