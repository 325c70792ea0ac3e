import type { JsonValue } from '../../domain/json.ts';
import { watchAbort } from '../abort-watch.ts';
import type { PythonRun } from '../programs.ts';
import { Interpreter } from './interpreter.ts';
import { NoInterpreter, noInterpreter } from './python-failure.ts';

export interface PoolOptions {
  /** Looked up on PATH. */
  readonly program: string;
  /** Interpreters for snippets that compute: more would only share the processors. */
  readonly usual: number;
  /** Interpreters when snippets wait for something else. */
  readonly most: number;
  /** How long one that is not used is kept, in milliseconds. */
  readonly idleMs: number;
}

/** A shim that looks for the right version first can take its time. */
const startMs = 30_000;
/** When so long no run has ended, they are waiting rather than computing, and more run at once. */
const patienceMs = 500;
const oldestMinor = 8;
/** Libraries collect memory over time. */
const maxRuns = 100_000;

interface Waiting {
  readonly resolve: (interpreter: Interpreter) => void;
  readonly reject: (reason: unknown) => void;
}

/** Warm interpreters: as many as are needed, within limits. */
export class PythonPool {
  readonly #options: PoolOptions;
  readonly #all = new Set<Interpreter>();
  readonly #idle: { readonly interpreter: Interpreter; readonly timer: NodeJS.Timeout }[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #runs = new WeakMap<Interpreter, number>();
  #starting = 0;
  #finished = 0;
  #patience: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** @throws RecordFailure, or the signal's reason once it is aborted. */
  async run(run: PythonRun): Promise<JsonValue> {
    const interpreter = await this.#take(run.signal).catch((error: unknown) => {
      throw error instanceof NoInterpreter ? noInterpreter(run, error) : error;
    });
    try {
      if (interpreter.usable) return await interpreter.run(run);
    } finally {
      this.#giveBack(interpreter);
    }
    // It had ended between being handed over and being used.
    return this.run(run);
  }

  /** Ends all interpreters; runs under way break. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#patience);
    this.#refuse(new Error('the programs are closed'));
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    await Promise.all([...this.#all].map((interpreter) => interpreter.end()));
  }

  async #take(signal: AbortSignal): Promise<Interpreter> {
    signal.throwIfAborted();
    if (this.#closed) throw new Error('the programs are closed');
    return this.#free() ?? this.#next(signal);
  }

  #free(): Interpreter | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      clearTimeout(last.timer);
      if (last.interpreter.usable) return last.interpreter;
      this.#all.delete(last.interpreter);
    }
    return undefined;
  }

  #next(signal: AbortSignal): Promise<Interpreter> {
    return new Promise((resolve, reject) => {
      const unwatch = watchAbort(signal, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      });
      const waiting: Waiting = {
        resolve(interpreter) {
          unwatch();
          resolve(interpreter);
        },
        reject(reason) {
          unwatch();
          reject(reason);
        },
      };
      this.#waiting.push(waiting);
      this.#grow(this.#options.usual);
    });
  }

  #grow(limit: number): void {
    const wanted = this.#waiting.length - this.#starting;
    const free = limit - this.#all.size - this.#starting;
    for (let missing = Math.min(wanted, free); missing > 0; missing--) void this.#add();
    if (this.#waiting.length > 0) this.#growWhenStuck();
  }

  #growWhenStuck(): void {
    if (this.#patience !== undefined || this.#closed) return;
    const finished = this.#finished;
    this.#patience = setTimeout(() => {
      this.#patience = undefined;
      const { usual, most } = this.#options;
      const stuck = finished === this.#finished && this.#starting === 0;
      if (this.#waiting.length > 0) this.#grow(stuck ? most : usual);
    }, patienceMs);
  }

  /** Never rejects: those who wait are told, unless there are others to wait for. */
  async #add(): Promise<void> {
    this.#starting += 1;
    const started = await startInterpreter(this.#options.program).catch((error: unknown) => error);
    this.#starting -= 1;
    if (!(started instanceof Interpreter)) {
      if (this.#all.size + this.#starting === 0) this.#refuse(started);
      return;
    }
    this.#all.add(started);
    if (this.#closed) void this.#drop(started);
    else this.#offer(started);
  }

  #refuse(reason: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #giveBack(interpreter: Interpreter): void {
    this.#finished += 1;
    // More at once would help: the processors have time.
    if (interpreter.waits && this.#waiting.length > 0) this.#grow(this.#options.most);
    const runs = (this.#runs.get(interpreter) ?? 0) + 1;
    this.#runs.set(interpreter, runs);
    if (interpreter.usable && runs < maxRuns && !this.#closed) return void this.#offer(interpreter);
    void this.#drop(interpreter);
    if (this.#waiting.length > 0) this.#grow(this.#options.usual);
  }

  #offer(interpreter: Interpreter): void {
    const next = this.#waiting.shift();
    if (next !== undefined) return void next.resolve(interpreter);
    const timer = setTimeout(() => {
      this.#idle.splice(this.#idle.indexOf(idle), 1);
      void this.#drop(interpreter);
    }, this.#options.idleMs);
    timer.unref();
    const idle = { interpreter, timer };
    this.#idle.push(idle);
  }

  #drop(interpreter: Interpreter): Promise<void> {
    this.#all.delete(interpreter);
    return interpreter.end();
  }
}

/** @throws NoInterpreter */
async function startInterpreter(program: string): Promise<Interpreter> {
  const interpreter = await Interpreter.start(program).catch((error: unknown) => {
    throw notStarted(program, error);
  });
  const timer = setTimeout(() => void interpreter.end(), startMs);
  const version = await interpreter.ready;
  clearTimeout(timer);
  if (version === undefined) throw new NoInterpreter('unwilling', `${program} ended before it was ready`);
  const [major, minor] = version;
  if (major > 3 || (major === 3 && minor >= oldestMinor)) return interpreter;
  await interpreter.end();
  throw new NoInterpreter(
    'unsuitable',
    `${program} is version ${major}.${minor}; 3.${oldestMinor} or newer is needed`,
  );
}

function notStarted(program: string, error: unknown): NoInterpreter {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^(ENOENT|EACCES|ENOTDIR)$/.test(code))
    return new NoInterpreter('unwilling', `${program} could not be started`);
  return new NoInterpreter(
    'missing',
    `there is no ${program} on PATH; install Python 3.${oldestMinor} or newer`,
  );
}
