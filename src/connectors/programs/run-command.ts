import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { watchAbort } from '../abort-watch.ts';
import { guardGroup } from '../group-guard.ts';
import type { Command, CommandResult } from '../programs.ts';
import { commandTimeout, notStarted, printedTooMuch } from './command-failure.ts';
import { killGroup } from './kill-group.ts';
import { makeFolder, plainEnvironment, removeFolder } from './own-folder.ts';

const maxOutputBytes = 1024 * 1024;
const maxErrorBytes = 4096;
/** After its end, for what it printed last to arrive. */
const drainMs = 500;

/**
 * Runs a command in an empty folder of its own, and leaves neither the folder nor a process behind.
 *
 * @throws RecordFailure, or the signal's reason once it is aborted.
 */
export async function runCommand(command: Command, closing: AbortSignal): Promise<CommandResult> {
  const folder = await makeFolder();
  try {
    command.signal.throwIfAborted();
    closing.throwIfAborted();
    return await new Promise((resolve, reject) => {
      new CommandRun(command, folder, closing, resolve, reject).start();
    });
  } finally {
    await removeFolder(folder);
  }
}

/** One run; settles once and kills all it began when it does. */
class CommandRun {
  readonly #command: Command;
  readonly #folder: string;
  readonly #resolve: (result: CommandResult) => void;
  readonly #reject: (reason: unknown) => void;
  /** Called when it settles. */
  readonly #letGo: (() => void)[];
  #child: ChildProcessWithoutNullStreams | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settled = false;
  #printed: Buffer[] = [];
  #printedBytes = 0;
  #complaint: Buffer = Buffer.alloc(0);

  constructor(
    command: Command,
    folder: string,
    closing: AbortSignal,
    resolve: (result: CommandResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#command = command;
    this.#folder = folder;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#letGo = [command.signal, closing].map((signal) =>
      watchAbort(signal, () => this.#breakOff(signal.reason)),
    );
  }

  start(): void {
    const { timeoutMs } = this.#command;
    this.#timer = setTimeout(() => this.#breakOff(commandTimeout(this.#command)), timeoutMs);
    try {
      this.#child = this.#spawn();
    } catch (error) {
      // Some errors of the system are thrown, others are events.
      this.#breakOff(notStarted(this.#command, error));
    }
  }

  #spawn(): ChildProcessWithoutNullStreams {
    const [program = '', ...args] = this.#command.argv;
    const child = spawn(program, args, {
      cwd: this.#folder,
      env: { ...plainEnvironment(this.#folder), ...this.#command.env },
      // A process group of its own, so that all of it can be killed.
      detached: true,
      windowsHide: true,
    });
    if (child.pid !== undefined) this.#letGo.push(guardGroup(child.pid, basename(this.#folder)));
    child.on('error', (error) => this.#breakOff(notStarted(this.#command, error)));
    child.stdout.on('data', (chunk: Buffer) => this.#listen(chunk)).on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => this.#hear(chunk)).on('error', () => {});
    // A command that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => {}).end(this.#command.stdin);
    child.on('exit', (code, signal) => this.#ended(child, code ?? 128 + signalNumber(signal)));
    return child;
  }

  #listen(chunk: Buffer): void {
    this.#printedBytes += chunk.length;
    if (this.#printedBytes > maxOutputBytes) return void this.#breakOff(printedTooMuch(this.#command));
    this.#printed.push(chunk);
  }

  #hear(chunk: Buffer): void {
    this.#complaint = Buffer.concat([this.#complaint, chunk]).subarray(-maxErrorBytes);
  }

  #ended(child: ChildProcessWithoutNullStreams, exitCode: number): void {
    if (this.#settled) return;
    // What it left running would keep the pipes open.
    this.#kill();
    clearTimeout(this.#timer);
    const finish = () => this.#finish(exitCode);
    this.#timer = setTimeout(finish, drainMs);
    child.once('close', finish);
  }

  #finish(exitCode: number): void {
    if (!this.#settle()) return;
    this.#closePipes();
    const stdout = Buffer.concat(this.#printed).toString('utf8');
    this.#resolve({ exitCode, stdout, stderr: this.#complaint.toString('utf8') });
  }

  #breakOff(reason: unknown): void {
    if (!this.#settle()) return;
    this.#kill();
    this.#closePipes();
    this.#reject(reason);
  }

  #kill(): void {
    const pid = this.#child?.pid;
    if (pid !== undefined) killGroup(pid, this.#folder);
  }

  /** Should anything still hold their other ends. */
  #closePipes(): void {
    this.#child?.stdout.destroy();
    this.#child?.stderr.destroy();
    this.#child?.stdin.destroy();
  }

  /** True the first time. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    for (const letGo of this.#letGo) letGo();
    return true;
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
