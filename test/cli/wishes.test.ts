import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Signal } from '../../src/cli/host.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { listenForWishes } from '../../src/cli/wishes.ts';

function listen() {
  const listeners = new Set<(signal: Signal) => void>();
  const input = new PassThrough();
  const wishes = listenForWishes({
    terminal: { input, canAsk: true } as unknown as Terminal,
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const send = (signal: Signal) => {
    for (const listener of listeners) listener(signal);
  };
  return { wishes, send, input, listeners };
}

test('wishes are taken in their order, and end the waiting until all are taken', () => {
  const { wishes, send } = listen();

  send('interrupt');
  send('interrupt');

  expect(wishes.signal.aborted).toBe(true);
  expect(wishes.take()).toBe('interrupt');
  expect(wishes.signal.aborted).toBe(true);
  expect(wishes.take()).toBe('interrupt');
  expect(wishes.signal.aborted).toBe(false);
  expect(wishes.take()).toBeUndefined();
});

test.each([
  ['d', 'detach'],
  ['R', 'resume'],
  ['q', 'leave'],
])('the key %s is the wish to %s, and other keys are none', async (key, wish) => {
  const { wishes, input } = listen();
  const wished = new Promise((resolve) => wishes.signal.addEventListener('abort', resolve));

  input.write(`x\n\n${key}\n`);
  await wished;

  expect(wishes.take()).toBe(wish);
  expect(wishes.take()).toBeUndefined();
});

test.each([[['leave']], [['interrupt', 'interrupt']]] as const)(
  '%j means that nobody waits for an answer',
  async (signals) => {
    const { wishes, send } = listen();

    for (const signal of signals) send(signal);

    expect(await wishes.impatience).toBeUndefined();
  },
);

test('after closing, signals are left to the process', () => {
  const { wishes, listeners } = listen();

  wishes.close();

  expect(listeners.size).toBe(0);
});
