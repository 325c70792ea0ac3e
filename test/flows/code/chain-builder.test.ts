import { expect, test } from 'vitest';
import { definitionOf } from '../../../src/flows/code/define-flow.ts';
import { defineFlow } from '../../../src/index.ts';
import { run } from './run-code.ts';

// biome-ignore lint/suspicious/noExplicitAny: authors who write JavaScript are told at load what the types tell others.
const flow = (): any => defineFlow({ id: 'a' });
const nothing = () => null;

test.each([
  [
    'a name twice',
    () => flow().step('x', nothing).forEach('x', nothing, nothing),
    'the name "x" is given twice',
  ],
  [
    'a condition twice',
    () => flow().if('c', nothing).endIf().if('c', nothing),
    'the condition "c" is given twice',
  ],
  ['else without if', () => flow().step('x', nothing).else(), 'else() follows no if'],
  [
    'elseIf after else',
    () => flow().if('c', nothing).else().elseIf('d', nothing),
    'elseIf() follows the else() of "c"',
  ],
  ['endIf without if', () => flow().endIf(), 'endIf() closes no if'],
  [
    'onError inside an if',
    () => flow().if('c', nothing).onError(nothing),
    'onError stands inside the if "c"; put it after endIf()',
  ],
  ['a step without a function', () => flow().step('x'), '"x" needs a function'],
  ['a step without a name', () => flow().step(nothing), 'step of type function needs a name'],
  ['a name with brackets', () => flow().step('a[0]', nothing), 'step "a[0]" needs a name of letters'],
  [
    'a batch without a size',
    () => flow().batch('x', { items: nothing }, nothing),
    'size of "x" must be a whole number from 1',
  ],
  ['a batch without items', () => flow().batch('x', { size: 1 }, nothing), '"items of x" needs a function'],
  [
    'too many at once',
    () => flow().forEach('x', nothing, nothing, { concurrency: 51 }),
    'concurrency of "x" must be a whole number from 1 to 50',
  ],
  [
    'a timeout that is none',
    () => flow().step('x', nothing, { timeout: 'soon' }),
    'timeout of "x" must be a duration up to 1h, such as 30s',
  ],
  [
    'parallel with nothing',
    () => flow().parallel('x', []),
    'parallel "x" needs a list or a map of functions',
  ],
])('%s is an error that names it', (_, build, message) => {
  expect(build).toThrow(
    expect.objectContaining({ code: 'flow_invalid', message: expect.stringContaining(message) }),
  );
});

test('an if that is not closed is an error when the flow is complete', () => {
  const builder = flow().if('vip', nothing).step('x', nothing);

  expect(() => definitionOf(builder)).toThrow('the if "vip" has no endIf()');
});

test('calls may be chained or made one by one', async () => {
  const builder = defineFlow({ id: 'a' });
  builder.step('one', () => 1);
  builder.step('two', (ctx) => (ctx.last as unknown as number) + 1);

  expect((await run(builder)).result).toBe(2);
});

test('a flow cannot be changed while it runs', async () => {
  const builder = flow();
  builder.step('one', () => builder.step('two', nothing));

  expect((await run(builder)).failure).toMatchObject({
    code: 'flow_invalid',
    message: 'step one: a call cannot be meant as it is written',
    untrustedMessage: '"step" came too late: a flow is built before it runs, not by its own steps',
  });
});

test.each([
  [{}, 'id is missing'],
  [{ name: 'Two words' }, 'give an id'],
  [{ id: 'two words' }, 'id must be a name of letters'],
  [{ id: 'a', sise: 3 }, 'unknown key "sise"; did you mean "size"?'],
  [{ id: 'a', size: 0 }, 'size must be a whole number from 1 to 10000'],
  [{ id: 'a', retry: '3x' }, 'retry is not understood; write it as 3x exponential(30s)'],
  [{ id: 'a', input: {} }, 'input must be a schema with safeParse'],
  [{ id: 'a', env: ['a b'] }, 'env.0 must be the name of an environment variable'],
  [{ id: 'a', on_error: 'shrug' }, 'on_error must be log, dead-letter, callback'],
  [{ id: 'a', on_chunk_error: 'bisect' }, 'on_chunk_error needs size'],
  [undefined, 'its argument is missing'],
])('settings %j are refused', (settings, message) => {
  expect(() => defineFlow(settings as never)).toThrow(message);
});

test('everything wrong with the settings comes at once', () => {
  expect(() => defineFlow({ id: 'a', size: 0, concurrency: 99 })).toThrow(/size must .*; concurrency must/);
});
