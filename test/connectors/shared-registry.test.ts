import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { shareRegistry } from '../../src/connectors/shared-registry.ts';

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-shared-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const declare = (text: string) => writeFile(join(folder, 'connectors.yaml'), text);
  await declare('a: { type: http, base_url: https://a.example }');
  const open = shareRegistry({
    folder,
    env: {},
    secretsFile: join(folder, 'secrets.env'),
    allowPrivateHosts: false,
  });
  onTestFinished(() => open.close());
  return { open, declare };
}

test('a process shares one registry until the file changes', async () => {
  const { open, declare } = await setup();

  const first = await open();
  expect(await open()).toBe(first);
  await declare(
    'a: { type: http, base_url: https://a.example }\nb: { type: http, base_url: https://b.example }',
  );
  const second = await open();

  expect(first.listings).toHaveLength(1);
  expect(second.listings).toHaveLength(2);
});

test('closing ends what every registry has started', async () => {
  const { open, declare } = await setup();
  const registries = [await open()];
  await declare('# none any more, and what runs goes on');
  registries.push(await open());
  const running = registries.map((registry) =>
    registry.programs
      .run({
        argv: ['sleep', '60'],
        env: {},
        stdin: '',
        timeoutMs: 60_000,
        step: 'wait',
        signal: new AbortController().signal,
      })
      .then(
        () => 'ended',
        () => 'cut',
      ),
  );

  // Both are loaded before they are closed.
  await Promise.all(
    registries.map(({ programs }) =>
      programs.run({
        argv: ['true'],
        env: {},
        stdin: '',
        timeoutMs: 5_000,
        step: 'load',
        signal: new AbortController().signal,
      }),
    ),
  );
  await open.close();

  expect(await Promise.all(running)).toEqual(['cut', 'cut']);
});
