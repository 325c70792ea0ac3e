import { expect, test } from 'vitest';
import type { Failure } from '../../../src/domain/failure.ts';
import type { JsonValue } from '../../../src/domain/json.ts';
import type { Share } from '../../../src/domain/record.ts';
import { answer, served } from '../../examples/served.ts';
import { cpuMs } from '../../support/cpu-time.ts';
import { type RunOptions, run } from './run-flow.ts';

const records = ['a', 'b', 'c'].map((id) => ({ id }));

/** A flow whose step answers with the parameter `answer`. */
const flow = (failedItems: string, more = '') => `flow: bulk
size: 10
batch: { id_field: id }
params: { answer: null }
failed_items:
  items: "{{ steps.send.result.items }}"
${failedItems.trim().replaceAll(/^/gm, '  ')}
steps:
  - { name: send, type: echo, message: "{{ params.answer }}" }
${more}`;

async function answered(
  text: string,
  answer: JsonValue,
  payload: JsonValue = records,
  more: RunOptions = {},
) {
  const indexes = (payload as JsonValue[]).map((_, at) => at);
  return run(text, payload, { params: { answer }, indexes, ...more });
}

const failed = (said: string, more: Partial<Failure> = {}): Share => ({
  failure: {
    class: 'data',
    code: 'item_failed',
    message: 'the answer to the chunk names this record as failed',
    step: 'failed_items',
    untrustedMessage: said,
    ...more,
  },
});

const inOrder = flow('when: item.ok == false\nmessage: "{{ item.error }}"\nretry: item.error == "busy"');
const byIndex = flow('index: "{{ item.index }}"\nmessage: "{{ item.message }}"');
const byId = flow('id: "{{ item.id }}"\nmessage: "{{ item.reason }}"');

test('a list with an item for each record says which have failed, and is the result of the others', async () => {
  const items = [
    { ok: true, id: 7 },
    { ok: false, error: 'email is taken' },
    { ok: true, id: 8 },
  ];

  const { shares } = await answered(inOrder, { items });

  expect(shares).toEqual([{ result: items[0] }, failed('email is taken'), { result: items[2] }]);
});

test('a list of the failed ones names them by position, counted from 0, and the answer is the result of the others', async () => {
  const items = [
    { index: 2, message: 'too long' },
    { index: '0', message: 'too short' },
  ];

  const { shares } = await answered(byIndex, { items });

  expect(shares).toEqual([failed('too short'), { result: { items } }, failed('too long')]);
});

test('a list of the failed ones names them by id, as a text or a number', async () => {
  const items = [{ id: 7, reason: 'gone' }, { id: 'c' }];

  const { shares } = await answered(byId, { items }, [{ id: ' 7' }, { id: 'b' }, { id: 'c' }]);

  expect(shares?.[0]).toEqual(failed('gone'));
  expect(shares?.[1]).toEqual({ result: { items } });
  expect(shares?.[2]).toMatchObject(failed('{"id":"c"}', { message: expect.stringMatching(/item\.reason/) }));
});

test('items that are found by id are the results of their own records, whatever their order', async () => {
  const text = flow('when: item.ok == false\nid: "{{ item.id }}"');
  const items = [
    { id: 'c', ok: true },
    { id: 'b', ok: false },
    { id: 'a', ok: true },
  ];

  const { shares } = await answered(text.replace('result.items', 'result'), items);

  expect(shares).toEqual([{ result: items[2] }, failed('{"id":"b","ok":false}'), { result: items[0] }]);
});

test('what has not failed need not say which record it is', async () => {
  const text = flow('when: item.ok == false\nid: "{{ item.id }}"');

  const { shares } = await answered(text, {
    items: [{ ok: true }, { id: 'new-1', ok: true }, { id: 'b', ok: false }],
  });

  expect(shares?.map((share) => 'failure' in share)).toEqual([false, true, false]);
});

test('the output of the flow is the result of the others', async () => {
  const text = flow('when: item.ok == false', 'output: "{{ steps.send.result.numbers }}"\n');

  const { shares } = await answered(text, {
    items: [{ ok: true }, { ok: false }, { ok: true }],
    numbers: [1, 2, 3],
  });

  expect(shares?.map((share) => ('failure' in share ? 'failed' : share.result))).toEqual([1, 'failed', 3]);
});

test('an output for the chunk as a whole is the result of each, not its item', async () => {
  const text = flow('when: item.ok == false', 'output: "{{ steps.send.result.sent_at }}"\n');

  const { shares } = await answered(text, { items: [{ ok: true }, { ok: false }, { ok: true }], sent_at: 9 });

  expect(shares).toEqual([{ result: 9 }, failed('{"ok":false}'), { result: 9 }]);
});

test('a chunk without a failed item has the result of the flow', async () => {
  expect(await answered(byIndex, { items: [] })).toMatchObject({ result: { items: [] } });
});

test('a failed item that may pass is transient, and one that nobody can tell of is not', async () => {
  const text = flow('when: item.ok == false\nretry: item.status == 429');
  const items = [{ ok: false, status: 429 }, { ok: false, status: 422 }, { ok: false }];

  const { shares } = await answered(text, { items });

  expect(shares).toMatchObject([
    failed('{"ok":false,"status":429}', { class: 'transient' }),
    failed('{"ok":false,"status":422}'),
    failed('{"ok":false}', {
      message: expect.stringContaining('; failed_items.retry: item.status == 429 cannot'),
    }),
  ]);
});

test('several items about one record are one failure, which may pass only if all of them may', async () => {
  const text = flow(
    'index: "{{ item.index }}"\nmessage: "{{ item.message }}"\nretry: item.message == "busy"',
  );
  const items = [
    { index: 0, message: 'email is taken' },
    { index: 0, message: 'busy' },
    { index: 1, message: 'busy' },
    { index: 1, message: 'busy' },
  ];

  const { shares } = await answered(text, { items });

  expect(shares).toMatchObject([
    failed('email is taken; busy'),
    failed('busy; busy', { class: 'transient' }),
    { result: { items } },
  ]);
});

test('what the target says is cut, and has no control characters', async () => {
  const { shares } = await answered(byIndex, {
    items: [{ index: 0, message: `\u001b[31m${'x'.repeat(900)}` }],
  });
  const [share] = shares ?? [];

  expect(share && 'failure' in share && share.failure.untrustedMessage).toMatch(/^ ?\S{480,499}…$/);
  expect(JSON.stringify(share)).not.toContain('u001b');
});

test.each<[string, JsonValue, string, string]>([
  [
    byIndex,
    {},
    'undefined_name',
    'is not there; write | omit_if_null behind the path when no list means that none has failed',
  ],
  [byIndex, { items: null }, 'failed_items_unclear', 'failed_items.items is no list; write | omit_if_null'],
  [byIndex, { items: 'none' }, 'failed_items_unclear', 'failed_items.items is no list'],
  [
    byIndex,
    { items: [{ index: 3 }] },
    'failed_items_unclear',
    'failed_items.index is not the position of a record in this chunk, from 0 to 2',
  ],
  [byIndex, { items: [{ index: -1 }] }, 'failed_items_unclear', 'failed_items.index is not'],
  [byIndex, { items: [{ index: 'length' }] }, 'failed_items_unclear', 'failed_items.index is not'],
  [byIndex, { items: [{ index: null }] }, 'failed_items_unclear', 'failed_items.index is not'],
  [byIndex, { items: [{}] }, 'undefined_name', 'failed_items.index: item.index'],
  [
    byId,
    { items: [{ id: 'z' }] },
    'failed_items_unclear',
    'failed_items.id is the id of no record in this chunk',
  ],
  [
    byId,
    { items: [{ id: '' }] },
    'failed_items_unclear',
    'failed_items.id is the id of no record in this chunk',
  ],
  [
    inOrder,
    { items: [{ ok: true }] },
    'failed_items_unclear',
    'failed_items.items is of length 1 for 3 records',
  ],
  [inOrder, { items: [] }, 'failed_items_unclear', 'failed_items.items is of length 0 for 3 records'],
  [
    inOrder,
    { items: [{ ok: true }, {}, {}] },
    'condition_failed',
    'failed_items.when: item.ok == false cannot be decided',
  ],
])(
  '%# an answer that does not say who has failed fails the chunk with words',
  async (text, items, code, words) => {
    const { failure, shares } = await answered(text, items);

    expect(shares).toBeUndefined();
    expect(failure).toMatchObject({ class: 'data', code, step: 'failed_items' });
    expect(failure?.message).toContain(words);
    expect(failure?.maybeApplied).toBeUndefined();
  },
);

test('an item without an id is not taken for a record without one', async () => {
  const { failure } = await answered(byId, { items: [{ id: '' }] }, [{ id: '' }, { id: 'b' }]);

  expect(failure).toMatchObject({ code: 'failed_items_unclear' });
});

test('without a list none has failed where the flow says so', async () => {
  const text = byIndex.replace('result.items }}', 'result.items | omit_if_null }}');

  for (const items of [{}, { items: null }]) {
    expect(await answered(text, items)).toMatchObject({ result: items });
  }
});

test('a failed item that may stand for two records with the same id fails both', async () => {
  const { shares } = await answered(byId, { items: [{ id: 'a', reason: 'taken' }] }, [
    { id: 'a' },
    { id: 'a' },
  ]);

  const message = 'the answer to the chunk names this record as failed, or another one with the same id';
  expect(shares).toEqual([failed('taken', { message }), failed('taken', { message })]);
});

const posting = `flow: bulk
size: 10
batch: { id_field: id }
failed_items: { items: "{{ sent.body.failed }}", id: "{{ item.id }}" }
steps:
  - { name: send, type: http_request, connector: crm, path: /bulk, body: "{{ items }}", outputs: sent }
`;

test('an answer to a write that nobody understands leaves it open what was written', async () => {
  const crm = await served(() => answer({ errors: [] }));

  const { failure } = await answered(posting, null, records, crm.options);

  expect(failure).toMatchObject({ code: 'undefined_name', step: 'failed_items', maybeApplied: true });
});

test('which of two records with one id a write has left out is open', async () => {
  const crm = await served(() => answer({ failed: [{ id: 'a' }] }));

  const { shares } = await answered(posting, null, [{ id: 'a' }, { id: 'a' }, { id: 'c' }], crm.options);

  expect(shares).toMatchObject([
    { failure: { maybeApplied: true } },
    { failure: { maybeApplied: true } },
    { result: { status: 200 } },
  ]);
});

test('one that has been checkpointed is looked at again without another call', async () => {
  const crm = await served(() => answer({ failed: [{ id: 'z' }] }));
  const text = `checkpoint: true\n${posting}`;

  const { broken } = await answered(text, null, records, crm.options);
  const again = await answered(text.replace('item.id', "item.id | replace('z', 'b')"), null, records, {
    ...crm.options,
    ...(broken?.progress === undefined ? {} : { progress: broken.progress }),
  });

  expect(crm.hits).toHaveLength(1);
  expect(again.shares?.map((share) => 'failure' in share)).toEqual([false, true, false]);
});

test('variables of the environment are masked in the parts of the answer', async () => {
  const items = [{ ok: true, seen: 'secret-of-crm' }, { ok: false, error: 'no secret-of-crm' }, { ok: true }];
  const crm = await served(() => answer({ items }));
  const text = `size: 10
failed_items: { items: "{{ steps.send.result.body.items }}", when: item.ok == false, message: "{{ env.CRM_TOKEN }}" }
steps:
  - { name: send, type: http_request, url: "${crm.url}/bulk", body: "{{ items }}" }
`;

  const { shares } = await answered(text, null, records, crm.options);

  expect(shares).toMatchObject([
    { result: { seen: '[secret]' } },
    failed('[secret]'),
    { result: { ok: true } },
  ]);
});

test('an answer that names one record again and again is read in no time', async () => {
  const items = [...Array<JsonValue>(60_000).fill({ index: 0 }), { index: 0, busy: false }];
  const text = flow('index: "{{ item.index }}"\nmessage: again\nretry: "!has(item.busy)"');
  const before = cpuMs();

  const { shares } = await answered(text, { items }, [{ id: 'a' }]);

  // With the square of the items it takes half a minute.
  expect(cpuMs() - before).toBeLessThan(10_000);
  expect(shares).toMatchObject([{ failure: { class: 'data', code: 'item_failed' } }]);
});
