import { z } from 'zod';
import { defineFlow, type FlowState } from '../../../src/index.ts';

// Compiled, never run: each line is a fact about types, each `@ts-expect-error` a mistake that they catch.

type Same<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const is = <Fact extends true>(): Fact | undefined => undefined;

interface User {
  readonly id: number;
  readonly name: string;
}
declare function fetchUsers(day: string): Promise<User[]>;

const input = z.object({ day: z.string(), limit: z.coerce.number().optional() });

export const typed = defineFlow({ id: 'typed', input })
  .step('users', async (ctx) => {
    is<Same<typeof ctx.payload, { day: string; limit?: number | undefined }>>();
    is<Same<typeof ctx.last, null>>();
    // @ts-expect-error there is no step before this one
    void ctx.steps.users;
    // @ts-expect-error no such field
    void ctx.payload.days;
    return fetchUsers(ctx.payload.day);
  })
  .action('tell', (ctx) => ctx.last.length)
  .step('nothing', (ctx) => {
    is<Same<typeof ctx.last, User[]>>();
    is<Same<typeof ctx.steps.users.output, User[]>>();
  })
  .step('maybe', (ctx) => {
    is<Same<typeof ctx.last, null>>();
    return ctx.payload.limit;
  })
  .parallel('both', { one: () => 1, two: async () => 'two' })
  .parallel('list', [() => 1, async () => 'two'])
  .step('look', (ctx) => {
    is<Same<typeof ctx.steps.maybe.output, number | null>>();
    is<Same<typeof ctx.steps.both.output, { one: number; two: string }>>();
    is<Same<typeof ctx.steps.list.output, [number, string]>>();
    is<Same<typeof ctx.last, [number, string]>>();
    // @ts-expect-error outputs are not to be changed
    ctx.steps.maybe.output = 1;
  })
  .if('many', (ctx) => ctx.steps.users.output.length > 10)
  .step('some', () => 'some')
  .endIf()
  .batch('load', { items: (ctx) => ctx.steps.users.output, size: 10, concurrency: 2 }, (batch, flow) => {
    is<Same<typeof batch, User[]>>();
    flow
      .step('send', () => batch.map(({ name }) => name))
      .step('count', (ctx) => {
        is<Same<typeof ctx.last, string[]>>();
        is<Same<typeof ctx.steps.send.output, string[]>>();
        is<Same<typeof ctx.steps.users.output, User[]>>();
        return flow.steps.send.output.length + flow.steps.users.output.length;
      })
      .action('save', async () => {
        const seen = await flow.state.get('seen', 0);
        is<Same<typeof seen, number>>();
        await flow.state.set('seen', seen + flow.last);
        // @ts-expect-error users are a list
        void flow.steps.users.output.nobody;
      });
  })
  // @ts-expect-error a batch needs a size
  .batch('sizeless', { items: () => [1] }, () => {})
  .forEach('each', { items: () => [1, 2], concurrency: 3 }, (item) => {
    is<Same<typeof item, number>>();
  })
  .onError(async (ctx) => {
    is<Same<typeof ctx.error, Error>>();
    is<Same<typeof ctx.steps.users.output, User[]>>();
    return { failed: true, error: ctx.error.message };
  });

export const chunks = defineFlow({ id: 'chunks', size: 50, input }).step('x', (ctx) => {
  is<Same<typeof ctx.payload, { day: string; limit?: number | undefined }[]>>();
});

export const untyped = defineFlow({ id: 'untyped' }).step('x', (ctx) => ctx.payload.whatever.there[0].may.be);

// @ts-expect-error no such setting
export const misspelt = defineFlow({ id: 'a', sise: 3 });

export async function states(state: FlowState): Promise<void> {
  const [count, name, flag, list] = [
    await state.get('a', 0),
    await state.get('b', ''),
    await state.get('c', false),
    await state.get('d', [1, 2]),
  ];
  is<Same<typeof count, number>>();
  is<Same<typeof name, string>>();
  is<Same<typeof flag, boolean>>();
  is<Same<typeof list, number[]>>();
  is<Same<Awaited<ReturnType<typeof state.incr>>, number>>();
}
