import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { isAborted, watchAbort } from '../../src/connectors/abort-watch.ts';

test('all are told once that a signal aborts, in the order they came', () => {
  const controller = new AbortController();
  const told: number[] = [];
  for (const each of [1, 2, 3]) watchAbort(controller.signal, () => told.push(each));

  controller.abort();

  expect(told).toEqual([1, 2, 3]);
});

test('whoever has given up is not told, not even when another is told that it may', () => {
  const controller = new AbortController();
  const told: number[] = [];
  const giveUp: (() => void)[] = [];
  for (const each of [0, 1, 2, 3, 4]) {
    giveUp[each] = watchAbort(controller.signal, () => {
      told.push(each);
      giveUp[each]?.();
      giveUp[3]?.();
    });
  }
  giveUp[1]?.();
  giveUp[1]?.();

  controller.abort();

  expect(told.sort()).toEqual([0, 2, 4]);
});

test('of those that watch no more young collections leave nothing', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  const { signal } = new AbortController();
  const underWay: (() => void)[] = [];
  const call = () => {
    const answer = Array.from({ length: 1000 }, () => 0);
    underWay.push(watchAbort(signal, () => answer.pop()));
  };
  for (let calls = 0; calls < 50; calls++) call();
  // What lives as long as this is not young any more.
  for (let times = 0; times < 3; times++) collect({ type: 'minor' });
  const before = oldBytes();

  for (let calls = 0; calls < 2000; calls++) {
    underWay.shift()?.();
    call();
    if (calls % 100 === 0) collect({ type: 'minor' });
  }

  expect(oldBytes() - before).toBeLessThan(100_000);
});

test('what looks at the signal of one job stays compiled for that of the next', () => {
  setFlagsFromString('--allow-natives-syntax');
  // From a text: the syntax is known only to what is read after the flag was set.
  const { compile, isCompiled } = new Function(`return {
    compile: (look, signal) => {
      %PrepareFunctionForOptimization(look);
      for (let n = 0; n < 3; n++) look(signal);
      %OptimizeFunctionOnNextCall(look);
      look(signal);
    },
    isCompiled: (look) => (%GetOptimizationStatus(look) & ${optimized}) !== 0,
  }`)() as { compile: (look: Look, signal: AbortSignal) => void; isCompiled: (look: Look) => boolean };
  const next = () => {
    const { signal } = new AbortController();
    watchAbort(signal, () => {});
    return signal;
  };
  compile(isAborted, next());
  expect(isCompiled(isAborted)).toBe(true);

  expect(isAborted(next())).toBe(false);

  expect(isCompiled(isAborted)).toBe(true);
  expect(isAborted(AbortSignal.abort())).toBe(true);
});

type Look = (signal: AbortSignal) => boolean;
/** Bit of V8's answer: kOptimized of OptimizationStatus in its runtime.h. */
const optimized = 1 << 4;

const oldBytes = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ??
  Number.NaN;
