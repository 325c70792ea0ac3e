import { expect, test } from 'vitest';
import { nearest } from '../../src/domain/nearest.ts';

test('a slip of the keyboard finds the name that was meant', () => {
  expect(nearest('stauts', ['label', 'status'])).toBe('status');
  expect(nearest('flow', ['label', 'status'])).toBeUndefined();
});

test('of names without end only the first are looked at', () => {
  let looked = 0;
  function* names() {
    for (;;) {
      looked++;
      if (looked > 10_000) return;
      yield `name${looked}`;
    }
  }

  nearest('something else', names());

  expect(looked).toBeLessThan(5000);
});
