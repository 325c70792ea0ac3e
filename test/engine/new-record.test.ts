import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { newRecord, type RowRules } from '../../src/engine/new-record.ts';

const rules: RowRules = {
  flow: { redact: ['id'] },
  params: {},
  idField: null,
  orderBy: null,
  skipUnchanged: false,
  textual: true,
  maxRecordBytes: 1000,
};
const namesOf = (payload: JsonValue, more: Partial<RowRules>) => {
  const { id, orderKey } = newRecord(payload, { ...rules, ...more });
  return { id, orderKey };
};

test.for(['', '  ', '\t\u00a0', null, true, [1]])(
  '%j is no id, and no reason to wait for others',
  (value) => {
    const none = { id: null, orderKey: undefined };

    expect(namesOf({ id: value, account: value }, { idField: 'id', orderBy: 'account' })).toEqual(none);
    expect(namesOf({ id: value }, { idField: 'id', orderBy: 'account', flow: {} })).toEqual(none);
  },
);

test.for(['0', ' 7', 0])('%j is an id and an order key as it stands', (value) => {
  const named = namesOf({ id: value, account: value }, { idField: 'id', orderBy: 'account', flow: {} });

  expect(named).toEqual({ id: String(value), orderKey: String(value) });
});

test('a record that its flow refuses keeps its key, so that it waits for others once it is corrected', () => {
  const misfit = { class: 'data', code: 'input_invalid', message: 'It does not fit' } as const;

  const { failure, orderKey } = newRecord(
    { account: 'a' },
    { ...rules, flow: { checkInput: () => misfit }, orderBy: 'account' },
  );

  expect({ failure, orderKey }).toEqual({ failure: misfit, orderKey: 'a' });
});
