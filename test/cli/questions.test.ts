import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { openQuestions } from '../../src/cli/questions.ts';

const secret = 'S3CR3T-typed';
const main = resolve(import.meta.dirname, '../../src/main.ts');

/** `sluice` at a terminal of its own, which Python makes. */
function atTerminal(...args: string[]) {
  const home = mkdtempSync(join(tmpdir(), 'sluice-terminal-'));
  const { PATH = '' } = process.env;
  const pty = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
  const child = spawn('python3', ['-c', pty, process.execPath, '--import', 'tsx', main, ...args], {
    env: { PATH, SLUICE_HOME: home, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  });
  return listenTo(child, home);
}

function listenTo(child: ChildProcess, home: string) {
  let screen = '';
  const ended = new Promise<number | null>((done) => child.on('close', done));
  child.stdout?.on('data', (piece) => {
    screen += piece;
  });
  return {
    home,
    ended,
    type: (text: string) => child.stdin?.write(text),
    get screen() {
      return screen;
    },
    async shows(text: string) {
      while (!screen.includes(text)) {
        await new Promise((done) => child.stdout?.once('data', done));
      }
    },
  };
}

test('a secret that is typed is not shown, and can be corrected while it is typed', async () => {
  const terminal = atTerminal('connect', 'crm', 'http://127.0.0.1:1', '--bearer', '--allow-private');

  await terminal.shows('not shown): ');
  terminal.type(`${secret}X\u007f\r`);

  expect(await terminal.ended).toBe(0);
  expect(terminal.screen).toContain('Declared crm (http)');
  expect(terminal.screen).not.toContain('S3CR');
  expect(readFileSync(join(terminal.home, 'secrets.env'), 'utf8')).toBe(`CRM_TOKEN=${secret}\n`);
});

test('Ctrl-C at the question changes nothing', async () => {
  const terminal = atTerminal('connect', 'crm', 'http://127.0.0.1:1', '--bearer');

  await terminal.shows('not shown): ');
  terminal.type('S3CR\u0003');

  expect(await terminal.ended).toBe(2);
  expect(terminal.screen).toContain('Nothing was changed');
  expect(terminal.screen).not.toContain('S3CR');
  expect(() => readFileSync(join(terminal.home, 'secrets.env'))).toThrow(/ENOENT/);
});

test('from a pipe each question takes a line, and none is left when it ends', async () => {
  const [input, err] = [new PassThrough(), new PassThrough()];
  const questions = openQuestions({ input, err });
  input.end('first\r\nyes\nn\n');

  expect(await questions.secret('')).toBe('first');
  expect(await questions.confirm('Sure? ')).toBe(true);
  expect(await questions.confirm('Sure? ')).toBe(false);
  expect(await questions.secret('')).toBe('');
  expect(await questions.confirm('')).toBe(false);
  questions.close();
});
