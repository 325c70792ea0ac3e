import { existsSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  command,
  failureOf,
  isRunning,
  noteFile,
  onLinux,
  programsHere,
  script,
} from './programs-under-test.ts';

test('a command gets its input and gives its output, its complaint and its exit code', async () => {
  const run = programsHere().run(script('cat; echo sorry >&2; exit 3', { stdin: 'in\n' }));

  expect(await run).toEqual({ exitCode: 3, stdout: 'in\n', stderr: 'sorry\n' });
});

test('a command that does not read its input is judged by its exit code', async () => {
  const run = programsHere().run(command(['true'], { stdin: 'x'.repeat(1_000_000) }));

  expect(await run).toMatchObject({ exitCode: 0 });
});

test('a command that a signal ends has the exit code that shells give it', async () => {
  expect(await programsHere().run(script('kill -KILL $$'))).toMatchObject({ exitCode: 137 });
});

test('a command sees nothing of the environment but PATH, places of its own and what it is given', async () => {
  process.env.DATABASE_URL = 'postgres://secret';
  process.env.SLUICE_TOKEN = 'secret';
  onTestFinished(() => {
    delete process.env.DATABASE_URL;
    delete process.env.SLUICE_TOKEN;
  });
  const { stdout } = await programsHere().run(command(['env'], { env: { GIVEN: 'yes' } }));

  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]);
  expect(names.sort()).toEqual(['GIVEN', 'HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR']);
});

test('a command runs in an empty folder that is gone afterwards', async () => {
  const { stdout } = await programsHere().run(
    script('ls -A; echo kept > file; mkdir sub; pwd; echo $HOME; echo $TMPDIR'),
  );

  const [folder = '', ...others] = stdout.trim().split('\n');
  expect(others).toEqual([folder, folder]);
  expect(existsSync(folder)).toBe(false);
});

test.each([
  '; touch canary',
  '$(touch canary)',
  '`touch canary`',
  '| touch canary',
  'a\nb',
  '-rf',
  '"\'\\',
  '*',
  '',
  '{{ 7 }}',
  '\u202e💥',
])('the argument %j arrives as it is', async (word) => {
  const { stdout } = await programsHere().run(command(['sh', '-c', 'printf %s "$1"; ls', 'sh', word]));

  expect(stdout).toBe(word);
});

describe('what goes wrong', () => {
  test('a program that is not there', async () => {
    expect(await failureOf(programsHere().run(command(['no-such-program'])))).toEqual({
      class: 'data',
      code: 'command_not_found',
      message: 'no-such-program was not found on PATH; write its absolute path, or install it',
      step: 'go',
    });
  });

  test.each<[string, readonly string[], string]>([
    ['a file that is no program', [import.meta.filename], 'command_not_executable'],
    ['an argument that is too long', ['echo', 'x'.repeat(3_000_000)], 'argument_too_large'],
    ['a NUL in an argument', ['echo', 'a\0b'], 'argument_invalid'],
  ])('%s', async (_, argv, code) => {
    expect(await failureOf(programsHere().run(command(argv)))).toMatchObject({ class: 'data', code });
  });

  test('more than 1 MiB of output ends the command', async () => {
    const failure = await failureOf(programsHere().run(command(['yes'])));

    expect(failure).toMatchObject({ class: 'data', code: 'output_too_large', maybeApplied: true });
    expect(failure.message).toBe('yes printed more than 1 MiB; write to a file what is larger');
  });

  test('of a long complaint the end is kept', async () => {
    const { stderr } = await programsHere().run(script('head -c 3000000 /dev/zero >&2; echo at last >&2'));

    expect(stderr).toHaveLength(4096);
    expect(stderr).toMatch(/at last\n$/);
  });
});

describe('nothing a command began outlives it', () => {
  test('after its time it is killed, although a grandchild holds its output', async () => {
    const { note, line } = await noteFile();
    const began = performance.now();
    const run = programsHere().run(
      script(`sleep 60 & echo $! > ${note}; sleep 60; wait`, { timeoutMs: 300 }),
    );

    expect(await failureOf(run)).toEqual({
      class: 'transient',
      code: 'step_timeout',
      message: 'the script did not end within 0.3 s',
      step: 'go',
      maybeApplied: true,
    });
    expect(performance.now() - began).toBeLessThan(3_000);
    const pid = Number(await line());
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test('what it leaves in the background is killed when it ends', async () => {
    const { note, line } = await noteFile();
    const began = performance.now();

    const { stdout } = await programsHere().run(script(`sleep 60 & echo $! > ${note}; echo done`));

    expect(stdout).toBe('done\n');
    expect(performance.now() - began).toBeLessThan(3_000);
    const pid = Number(await line());
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test.runIf(onLinux)('also what has made a session of its own, and left the folder', async () => {
    const { note, line } = await noteFile();
    const stray = `cd / && setsid sh -c 'echo $$ > ${note}; sleep 60' &`;

    await programsHere().run(script(`(${stray}) ; while [ ! -s ${note} ]; do sleep 0.01; done`));

    const pid = Number(await line());
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test('an abort ends it with the reason of the signal', async () => {
    const { note, line } = await noteFile();
    const stop = new AbortController();
    const run = programsHere().run(script(`echo $$ > ${note}; sleep 60`, { signal: stop.signal }));
    const ended = run.catch((error: unknown) => error);
    const pid = Number(await line());

    stop.abort(new Error('over'));

    expect(await ended).toBe(stop.signal.reason);
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test('closing ends what is under way', async () => {
    const { note, line } = await noteFile();
    const programs = programsHere();
    const ended = programs.run(script(`echo $$ > ${note}; sleep 60`)).catch(String);
    const pid = Number(await line());

    await programs.close();

    expect(await ended).toBe('Error: the programs are closed');
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});

test('commands that run side by side do not see each other', async () => {
  const programs = programsHere();
  const runs = Array.from({ length: 20 }, (_, number) =>
    programs.run(script(`echo ${number} > mine; sleep 0.1; cat *`)),
  );

  const printed = (await Promise.all(runs)).map(({ stdout }) => Number(stdout));

  expect(printed).toEqual(Array.from({ length: 20 }, (_, number) => number));
});
