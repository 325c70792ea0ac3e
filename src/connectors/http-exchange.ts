import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { isAborted, watchAbort } from './abort-watch.ts';
import { withoutRepeats } from './answer-headers.ts';
import type { HttpConnections } from './http-connections.ts';

/** Of a good answer; of a bad one the rest is not read. */
const maxBodyBytes = 1024 * 1024;

/** One request on the wire. */
export interface WireRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query, encoded. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: string | null;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No complete answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** True when the request, or a part of it, was on its way, so the target may have acted on it. */
  readonly sent: boolean;

  constructor(cause: unknown, sent: boolean) {
    super('no answer', { cause });
    this.sent = sent;
  }
}

/** The time for the whole exchange was over. */
export class TimeOver extends Error {
  override readonly name = 'TimeOver';
}

/** A good answer was larger than what is read. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

/**
 * Sends a request and reads the whole answer, within `timeoutMs`, connecting included.
 *
 * An answer outside 2xx counts as soon as its head is there, even if its body is cut off. `leaves` is called
 * when there is a connection and the request goes out.
 *
 * @throws NoAnswer, or the signal's reason once it is aborted.
 */
export function exchange(
  connections: HttpConnections,
  request: WireRequest,
  timeoutMs: number,
  signal: AbortSignal,
  leaves: () => void = () => {},
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    if (isAborted(signal)) return reject(signal.reason);
    const connection = connections.take();
    const over = (broke: boolean) =>
      broke ? connections.drop(connection) : connections.giveBack(connection);
    connection.dispatch(request, new Exchange({ resolve, reject, leaves, over }, timeoutMs, signal));
  });
}

interface Caller {
  readonly resolve: (answer: WireAnswer) => void;
  readonly reject: (reason: unknown) => void;
  readonly leaves: () => void;
  /** The connection is not in use any more. */
  readonly over: (broke: boolean) => void;
}

/** Works on the dispatcher's own events: only they tell whether a request left, and they cost the least. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #caller: Caller;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #unwatch: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(caller: Caller, timeoutMs: number, signal: AbortSignal) {
    this.#caller = caller;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#breakOff(new TimeOver()), timeoutMs);
    this.#unwatch = watchAbort(signal, () => this.#interrupt());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It waited for a connection longer than it was wanted.
    if (this.#settled) return void controller.abort(new TimeOver());
    this.#controller = controller;
    this.#caller.leaves();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = withoutRepeats(headers);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#size += chunk.length;
    if (this.#size > maxBodyBytes) return void this.#breakOff(new AnswerTooLarge());
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#caller.over(false);
    if (this.#settle()) this.#answer();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#caller.over(true);
    if (this.#settle()) this.#giveUp(error);
  }

  #interrupt(): void {
    if (!this.#settle()) return;
    this.#caller.reject(this.#signal.reason);
    this.#controller?.abort(new TimeOver());
  }

  #breakOff(cause: Error): void {
    if (!this.#settle()) return;
    this.#giveUp(cause);
    this.#controller?.abort(cause);
  }

  #giveUp(cause: Error): void {
    if (this.#status >= 300) this.#answer();
    else this.#caller.reject(new NoAnswer(cause, this.#controller !== undefined));
  }

  #answer(): void {
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#caller.resolve({ status: this.#status, headers: this.#headers, body });
  }

  /** True the first time. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#unwatch();
    return true;
  }
}
