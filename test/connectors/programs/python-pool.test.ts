import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PythonPool } from '../../../src/connectors/programs/python-pool.ts';
import type { Programs } from '../../../src/connectors/programs.ts';
import {
  failureOf,
  hasPython,
  isRunning,
  noteFile,
  onLinux,
  programsHere,
  sharedPrograms,
  snippet,
} from './programs-under-test.ts';

const pid = 'import os\nreturn os.getpid()';
const pidOf = async (programs: Programs, code = pid) => Number(await programs.python(snippet(code)));

describe.runIf(hasPython)('an interpreter', () => {
  const one = sharedPrograms({ interpreters: 1 });
  const two = sharedPrograms({ interpreters: 2 });

  test.each<[what: string, change: string, look: string, seen: unknown]>([
    ['variables', 'x = 1', '"x" in globals()', false],
    ['the environment', 'import os\nos.environ["X"] = "1"', '"X" in os.environ', false],
    ['the folder', 'import os\nos.chdir("/")', 'os.getcwd() == os.environ["HOME"]', true],
    ['files', 'import os\nos.makedirs("a/b")\nopen("a/c", "w")', 'os.listdir()', []],
    ['the path of modules', 'import sys\nsys.path.clear()', 'len(sys.path) > 0', true],
    ['what print writes to', 'import sys\nsys.stdout = None', 'print("x")', null],
    ['an alarm', 'import signal\nsignal.alarm(1)', 'signal.getitimer(signal.ITIMER_REAL)[0]', 0],
  ])('stays warm and gives the next run its own: %s', async (_, change, look, seen) => {
    const before = await pidOf(one);
    await one.python(snippet(change));

    expect(await one.python(snippet(`import os, sys, signal\nreturn ${look}`))).toEqual(seen);
    expect(await pidOf(one)).toBe(before);
  });

  test.each<[what: string, code: string, end: object]>([
    ['ends its process', 'import os\nos._exit(0)', { class: 'data', code: 'python_ended' }],
    ['crashes', 'import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)', { code: 'python_ended' }],
    [
      'is killed by the system',
      'import os\nos.kill(os.getpid(), 9)',
      { class: 'transient', code: 'python_killed' },
    ],
    ['closes all descriptors', 'import os\nos.closerange(0, 100)', { code: 'python_ended' }],
    ['writes between the lines', 'import os\nos.write(4, b"{}\\n")', { code: 'python_ended' }],
    ['leaves with sys.exit', 'import sys\nsys.exit(1)', { code: 'python_error' }],
    ['never ends', 'while True: pass', { class: 'transient', code: 'step_timeout', maybeApplied: true }],
    [
      'ignores signals',
      'import signal, time\nsignal.pthread_sigmask(0, range(1, 60))\ntime.sleep(60)',
      { code: 'step_timeout' },
    ],
  ])('may be lost to a snippet that %s; its neighbours and successors are not', async (_, code, end) => {
    await Promise.all([pidOf(two), pidOf(two)]);
    const neighbours = Array.from({ length: 20 }, () =>
      two.python(snippet('return sum(range(100_000)) and 1')),
    );

    const failure = await failureOf(two.python(snippet(code, {}, { timeoutMs: 300 })));

    expect(failure).toMatchObject(end);
    expect(new Set(await Promise.all(neighbours))).toEqual(new Set([1]));
    expect(await two.python(snippet('return 2'))).toBe(2);
  });

  test('is given up for a thread that a run leaves behind', async () => {
    const before = await pidOf(one);
    const code = 'import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nreturn 3';

    expect(await one.python(snippet(code))).toBe(3);

    expect(await pidOf(one)).not.toBe(before);
    await expect.poll(() => isRunning(before)).toBe(false);
  });

  test('answers once although the snippet has forked', async () => {
    const fork = 'import os, time\nif os.fork() == 0:\n  return "child"\ntime.sleep(0.2)\nreturn "parent"';

    expect(await one.python(snippet(fork))).toBe('parent');
    expect(await one.python(snippet('return 1'))).toBe(1);
  });

  test.runIf(onLinux)('may start processes, none of which outlives the run', async () => {
    const start =
      'import subprocess\nchild = subprocess.Popen(["sleep", "60"], start_new_session=True)\nreturn child.pid';
    const orphan =
      'import subprocess\nreturn int(subprocess.check_output(["sh", "-c", "setsid sleep 60 >&- & echo $!"]))';

    for (const code of [start, orphan]) {
      const child = await pidOf(one, code);
      await expect.poll(() => isRunning(child)).toBe(false);
    }
  });

  test('and all it began end when the time is over', async () => {
    const { note, line } = await noteFile();
    const code = `import subprocess\nchild = subprocess.Popen(["sleep", "60"], start_new_session=${onLinux ? 'True' : 'False'})\nopen(${JSON.stringify(note)}, "w").write(f"{child.pid}\\n")\nchild.wait()`;
    const began = performance.now();

    const failure = await failureOf(programsHere().python(snippet(code, {}, { timeoutMs: 500 })));

    expect(failure.message).toBe('python: the code did not end within 0.5 s');
    expect(performance.now() - began).toBeLessThan(5_000);
    const child = Number(await line());
    await expect.poll(() => isRunning(child)).toBe(false);
  });
});

describe.runIf(hasPython)('the pool', () => {
  test('ends a run with the reason of its signal, whether it runs or waits', async () => {
    const programs = programsHere({ interpreters: 1 });
    await pidOf(programs);
    const stop = new AbortController();
    const sleep = () => programs.python(snippet('import time\ntime.sleep(60)', {}, { signal: stop.signal }));
    const ended = Promise.all([sleep(), sleep(), sleep()].map((run) => run.catch((error: unknown) => error)));

    stop.abort(new Error('over'));

    expect(new Set(await ended)).toEqual(new Set([stop.signal.reason]));
    expect(await programs.python(snippet('return 1'))).toBe(1);
  });

  test('keeps to its interpreters while snippets compute', async () => {
    const programs = programsHere({ interpreters: 2 });
    const busy = `import os\nx = 0\nfor i in range(200_000): x += i\nreturn os.getpid()`;

    const pids = await Promise.all(Array.from({ length: 30 }, () => pidOf(programs, busy)));

    expect(new Set(pids).size).toBeLessThanOrEqual(2);
  });

  test('has more of them, up to ten, when snippets wait for something else', async () => {
    const programs = programsHere({ interpreters: 1 });
    const waiting = 'import os, time\ntime.sleep(0.1)\nreturn os.getpid()';

    const pids = await Promise.all(Array.from({ length: 60 }, () => pidOf(programs, waiting)));

    expect(new Set(pids).size).toBeGreaterThan(3);
    expect(new Set(pids).size).toBeLessThanOrEqual(10);
  });

  test('has more of them when none comes to an end', async () => {
    const programs = programsHere({ interpreters: 1 });
    const stop = new AbortController();
    const endless = programs.python(snippet('import time\ntime.sleep(60)', {}, { signal: stop.signal }));

    expect(await programs.python(snippet('return 1'))).toBe(1);

    stop.abort(new Error('over'));
    await expect(endless).rejects.toThrow('over');
  });

  test('ends interpreters that nobody uses', async () => {
    const pool = new PythonPool({ program: 'python3', usual: 1, most: 1, idleMs: 100 });
    onTestFinished(() => pool.close());
    const interpreter = Number(await pool.run(snippet(pid)));

    await expect.poll(() => isRunning(interpreter)).toBe(false);
    expect(await pool.run(snippet('return 1'))).toBe(1);
  });

  test('that is closed ends its interpreters and runs nothing', async () => {
    const programs = programsHere({ interpreters: 1 });
    const last = await pidOf(programs);
    const run = programs.python(snippet('import time\ntime.sleep(60)')).catch(String);

    await programs.close();

    expect(await run).toBe('Error: the programs are closed');
    await expect(programs.python(snippet('return 1'))).rejects.toThrow('the programs are closed');
    await expect.poll(() => isRunning(last)).toBe(false);
  });
});

describe.runIf(hasPython)('a process with a pool', () => {
  const start = (code: string) => {
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      join(import.meta.dirname, 'python-process.ts'),
      code,
    ]);
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };

  test('ends by itself when nothing runs', async () => {
    const [exitCode] = await once(start('return 1'), 'exit');

    expect(exitCode).toBe(0);
  });

  test('takes its interpreters and their folders with it when it is killed', async () => {
    const { note, line } = await noteFile();
    const tell = `open(${JSON.stringify(note)}, "w").write(f"{os.getpid()} {os.getcwd()}\\n")`;
    const child = start(`import os, time\n${tell}\ntime.sleep(60)`);
    const [interpreter, folder = ''] = (await line()).split(' ');

    child.kill('SIGKILL');

    await expect.poll(() => isRunning(Number(interpreter)), { timeout: 15_000 }).toBe(false);
    await expect.poll(() => existsSync(folder)).toBe(false);
  });
});
