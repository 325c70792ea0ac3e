import { expect, test } from 'vitest';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { topicAt, topicOfKey } from '../../src/flows/topic-at.ts';
import { readTopics } from '../../src/operations/reference-topics.ts';

const steps = (text: string) => `flow: a\nsteps:\n${text}`;
const sends = (text: string) => `flow: a\ntarget: echo\n${text}`;

/** The topic of the first problem of a text. */
function topicOf(text: string): Promise<string | undefined> {
  const made = compileFlow(text, 'a.yaml');
  const [first] = 'problems' in made ? made.problems : [];
  if (first === undefined) throw new Error('The flow has no problem.');
  return topicAt(text, first);
}

test.each([
  ['a mapping', sends('mapping: { a: sorce.x }\n'), 'mapping'],
  ['an input', sends('input:\n  a: strng\n'), 'what-a-record-has-to-be'],
  ['a retry', sends('on_error: { retry: often }\n'), 'failures-and-retries'],
  ['a batch', sends('batch:\n  concurency: 3\n'), 'flows'],
  ['an undo', sends('undo: { foo: 1 }\n'), 'taking-records-back'],
  ['a step below its type', steps('  - type: http\n    conector: crm\n'), 'http_request'],
  ['a step above its type', steps('  - conector: crm\n    type: sql\n  - type: echo\n'), 'sql'],
  ['a step in one line', steps('  - { mesage: 1, type: echo }\n'), 'echo'],
  [
    'a step in a step',
    steps('  x:\n    type: batch\n    items: [1]\n    task: { type: echo, mesage: 2 }\n'),
    'echo',
  ],
  [
    'a value inside a step',
    steps(
      '  - type: http\n    connector: a\n    path: /x\n    body:\n      type: b\n      c: "{{ recrd }}"\n',
    ),
    'http_request',
  ],
  ['a step of no kind', steps('  - type: htp\n  - type: echo\n'), 'steps'],
  [
    'a step behind a step in it',
    steps('  - type: batch\n    task:\n      type: echo\n    itms: [1]\n'),
    'batch',
  ],
  ['a step at the end', steps('  - type: echo\nfinally:\n  - type: aggregate\n    sums: 3\n'), 'aggregate'],
])('a problem in %s has its topic', async (_, text, topic) => {
  expect(await topicOf(text)).toBe(topic);
});

test.each([
  'flow: [',
  '',
  'flow: a\nmaping: 3\n',
  '{ flow: a, steps: 3 }',
  'flow: a\ntarget: echo\nconstructor: 3\n',
])('a problem that belongs to no part of a flow has no topic: %j', async (text) => {
  expect(await topicOf(text)).toBeUndefined();
});

test('each topic that a key leads to is there', async () => {
  const keys = Object.keys(topicOfKey);
  const names = (await readTopics()).map(({ name }) => name);

  const topics = await Promise.all(keys.map((key) => topicAt(`${key}: 3\n`, { line: 1, column: 1 })));

  expect(topics.filter((topic) => topic === undefined || !names.includes(topic))).toEqual([]);
});
