import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineFlow } from '../../../src/index.ts';
import { failureOf, flowOf, resultOf } from './run-code.ts';

const input = z.object({
  email: z.email(),
  age: z.coerce.number(),
  lines: z.array(z.object({ sku: z.string() })).optional(),
  extra: z.record(z.string(), z.number()).optional(),
});
const builder = defineFlow({ id: 'a', input }).step('x', (ctx) => ctx.payload);
const text = 'z.object({ email, age, lines, sku, extra })';

test('the flow gets what the schema makes of the record', async () => {
  expect(await resultOf(builder, { email: 'a@b.example', age: '7', more: 1 })).toEqual({
    email: 'a@b.example',
    age: 7,
  });
});

test.each([
  [{ age: 1 }, 'email is missing', expect.any(String)],
  [{ email: 'x', age: 1 }, 'email does not fit the input schema', 'Invalid email address'],
  [{ email: 'a@b.example', age: 1, lines: [{ sku: 5 }] }, 'lines[].sku must be a string', expect.any(String)],
  [
    { email: 'a@b.example', age: 1, extra: { ignore_all: 'x' } },
    'extra.… must be a number',
    expect.any(String),
  ],
  ['text', 'the record must be an object', expect.any(String)],
  [{ age: 'x' }, 'email is missing, and 1 more', expect.any(String)],
])('%j fails with the path and words of Sluice', async (payload, message, untrustedMessage) => {
  expect(await failureOf(builder, payload, { text })).toEqual({
    class: 'data',
    code: 'input_invalid',
    message,
    step: 'input',
    untrustedMessage,
  });
});

test('each record of a chunk is checked', async () => {
  const chunks = defineFlow({ id: 'a', size: 5, input }).step('x', ({ payload }) =>
    payload.map(({ age }) => age),
  );
  const good = { email: 'a@b.example', age: '1' };

  expect(await resultOf(chunks, [good, { ...good, age: 2 }], { indexes: [0, 1] })).toEqual([1, 2]);
  expect(await failureOf(chunks, [good, {}], { indexes: [0, 1] })).toMatchObject({ code: 'input_invalid' });
});

test('a schema may have asynchronous checks', async () => {
  const slow = z.string().refine(async (value) => value !== 'taken', 'is taken');
  const checked = defineFlow({ id: 'a', input: slow }).step('x', (ctx) => ctx.payload.length);

  expect(await resultOf(checked, 'free')).toBe(4);
  expect(await failureOf(checked, 'taken')).toMatchObject({
    message: 'the record does not fit the input schema',
    untrustedMessage: 'is taken',
  });
});

test('any schema with safeParse will do', async () => {
  const even = {
    safeParse: (value: unknown) =>
      typeof value === 'number' && value % 2 === 0
        ? { success: true as const, data: value / 2 }
        : { success: false as const, error: new Error('odd') },
  };
  const halves = defineFlow({ id: 'a', input: even }).step('x', (ctx) => ctx.payload + 1);

  expect(await resultOf(halves, 4)).toBe(3);
  expect(await failureOf(halves, 3)).toMatchObject({ message: 'the record does not fit the input schema' });
});

test('a schema that throws fails the record, not the job', async () => {
  const broken = z.string().transform(() => {
    throw new Error('oops');
  });

  expect(
    await failureOf(
      defineFlow({ id: 'a', input: broken }).step('x', () => 1),
      'x',
    ),
  ).toMatchObject({
    message: 'the input schema failed',
    untrustedMessage: 'oops',
  });
});

test('a flow that changes its payload changes a copy', async () => {
  const payload = { list: [1] };
  const changes = defineFlow({ id: 'a' }).step('x', (ctx) => {
    ctx.payload.list.length = 0;
  });

  await resultOf(changes, payload);

  expect(payload).toEqual({ list: [1] });
});

test('a record is checked without a run, and what its schema does not say at once is left to the run', async () => {
  const { checkInput } = flowOf(builder, text);
  const later = defineFlow({ id: 'a', input: z.object({ n: z.number().refine(async (n) => n > 1) }) });
  const asking = later.step('x', (ctx) => ctx.payload);
  const record = { email: 'a@b.example', age: '7' };

  expect([checkInput?.(record, false), record.age]).toEqual([undefined, '7']);
  expect(checkInput?.({ email: 'x', age: 1 }, false)).toEqual(
    await failureOf(builder, { email: 'x', age: 1 }, { text }),
  );
  expect(flowOf(asking).checkInput?.({ n: 1 }, false)).toBeUndefined();
  expect(await failureOf(asking, { n: 1 })).toMatchObject({ code: 'input_invalid' });
});
