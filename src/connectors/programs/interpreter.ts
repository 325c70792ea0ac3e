import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import type { JsonValue } from '../../domain/json.ts';
import { watchAbort } from '../abort-watch.ts';
import { guardGroup } from '../group-guard.ts';
import { LineReader } from '../mcp-lines.ts';
import type { PythonRun } from '../programs.ts';
import { killGroup } from './kill-group.ts';
import { makeFolder, plainEnvironment, removeFolder } from './own-folder.ts';
import {
  answeredTooMuch,
  interpreterEnded,
  pythonTimeout,
  type SnippetTrouble,
  snippetFailure,
} from './python-failure.ts';
import { pythonBootstrap, pythonRunner } from './python-runner.ts';

/** Between the end of its answers and the end of the process, which says more. */
const endMs = 200;

/** A line that the runner writes. */
interface Answer {
  /** The version of Python, once. */
  readonly ready?: readonly [major: number, minor: number];
  readonly id?: number;
  readonly result?: JsonValue;
  readonly failure?: SnippetTrouble;
  /** Most of its time the snippet did not compute. */
  readonly waits?: boolean;
  /** Something of the snippet lives on in the interpreter. */
  readonly leave?: boolean;
}

interface UnderWay {
  readonly id: number;
  readonly run: PythonRun;
  readonly resolve: (result: JsonValue) => void;
  readonly reject: (reason: unknown) => void;
  readonly timer: NodeJS.Timeout;
  readonly unwatch: () => void;
}

/**
 * A Python process that runs one snippet after the other. Whatever a snippet does to it, the snippet's run
 * settles; a process that is no longer as it was is ended, and `usable` says so.
 */
export class Interpreter {
  /** Resolves with its version; undefined when it ended before it had one. */
  readonly ready: Promise<readonly [number, number] | undefined>;
  readonly #child: ChildProcess;
  readonly #requests: Socket;
  readonly #answers: Socket;
  readonly #folder: string;
  readonly #letGo: () => void;
  #isReady: (version?: readonly [number, number]) => void = () => {};
  #underWay: UnderWay | undefined;
  #lastId = 0;
  #waits = false;
  /** Set when it has been ended: resolves when its folder is gone too. */
  #end: Promise<void> | undefined;

  /** @throws the error of the system when `program` cannot be run. */
  static async start(program: string): Promise<Interpreter> {
    const folder = await makeFolder();
    try {
      const child = spawn(program, ['-c', pythonBootstrap], {
        cwd: folder,
        // Shims and packages of the user are found by the home folder; the runner then sets its own.
        env: {
          ...plainEnvironment(folder),
          ...(process.env.HOME === undefined ? {} : { HOME: process.env.HOME }),
        },
        detached: true,
        windowsHide: true,
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      });
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      return new Interpreter(child, child.pid ?? 0, folder);
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  }

  private constructor(child: ChildProcess, pid: number, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#letGo = guardGroup(pid, basename(folder));
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    const [requests, answers] = [child.stdio[3] as Socket, child.stdio[4] as Socket];
    this.#requests = requests;
    this.#answers = answers;
    const lines = new LineReader({
      line: (text) => this.#take(text),
      tooLong: () => this.#breakOff(answeredTooMuch),
    });
    answers.on('data', (chunk: Buffer) => lines.push(chunk)).on('error', () => {});
    answers.on('close', () => setTimeout(() => this.#lose(), endMs).unref());
    requests.on('error', () => {});
    child.on('error', () => {});
    child.on('exit', (_, signal) => this.#lose(signal));
    // A run under way has its timer to keep this process alive; between runs nothing has to.
    child.unref();
    for (const pipe of [requests, answers]) pipe.unref();
    requests.write(`${JSON.stringify(pythonRunner)}\n`);
  }

  get usable(): boolean {
    return this.#end === undefined;
  }

  /** The last snippet spent most of its time waiting. */
  get waits(): boolean {
    return this.#waits;
  }

  /**
   * Runs a snippet. Call it only while it is usable, and again only after that.
   *
   * @throws RecordFailure, or the signal's reason once it is aborted.
   */
  run(run: PythonRun): Promise<JsonValue> {
    return new Promise((resolve, reject) => {
      if (run.signal.aborted) return reject(run.signal.reason);
      const id = ++this.#lastId;
      const timer = setTimeout(() => this.#breakOff(pythonTimeout), run.timeoutMs);
      const unwatch = watchAbort(run.signal, () => this.#breakOff(() => run.signal.reason));
      this.#underWay = { id, run, resolve, reject, timer, unwatch };
      this.#requests.write(`${JSON.stringify({ id, code: run.code, scope: run.scope })}\n`);
    });
  }

  /** Kills it, with everything its snippets began. */
  end(): Promise<void> {
    this.#breakOff(() => new Error('the programs are closed'));
    return this.#end ?? Promise.resolve();
  }

  #take(line: string): void {
    const answer = answerIn(line);
    if (answer?.ready !== undefined) return void this.#isReady(answer.ready);
    const { run, id, resolve, reject } = this.#underWay ?? {};
    if (run === undefined || answer === undefined || answer.id !== id) return void this.#lose();
    this.#settle();
    this.#waits = answer.waits === true;
    if (answer.leave === true) this.#kill();
    if (answer.failure !== undefined) reject?.(snippetFailure(run, answer.failure));
    else resolve?.(answer.result ?? null);
  }

  /** It is not as it was. */
  #lose(signal: NodeJS.Signals | null = null): void {
    this.#breakOff((run) => interpreterEnded(run, signal));
  }

  #breakOff(reasonFor: (run: PythonRun) => unknown): void {
    const { run, reject } = this.#underWay ?? {};
    this.#settle();
    this.#kill();
    if (run !== undefined) reject?.(reasonFor(run));
  }

  #settle(): void {
    clearTimeout(this.#underWay?.timer);
    this.#underWay?.unwatch();
    this.#underWay = undefined;
  }

  #kill(): void {
    if (!this.usable) return;
    if (this.#child.pid !== undefined) killGroup(this.#child.pid, this.#folder);
    this.#end = removeFolder(this.#folder);
    this.#isReady();
    this.#letGo();
    this.#requests.destroy();
    this.#answers.destroy();
  }
}

function answerIn(line: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(line);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}
