import { setMaxListeners } from 'node:events';
import { cutOff } from './process-record.ts';

/** Tells the attempts of a lane when they have to end: all share one signal, which is replaced when the job goes on. */
export class AttemptSignal {
  #controller = new AbortController();

  constructor() {
    setMaxListeners(0, this.signal);
  }

  /** Of an attempt that begins now. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends what is under way, and what begins later. */
  end(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Ends what is under way, because the job is to stand still at once. */
  cutOff(): void {
    this.end(cutOff);
  }

  /** The job goes on after it stood still. */
  renew(): void {
    if (this.signal.reason !== cutOff) return;
    this.#controller = new AbortController();
    setMaxListeners(0, this.signal);
  }
}
