import { ReadableStream } from 'node:stream/web';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Response } from 'undici';
import { AnswerTooLarge } from './http-exchange.ts';
import { type LostBecause, lostAnswer } from './mcp-messages.ts';

/** Longer answers and events are not read. */
const maxBytes = 8 * 1024 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Reads a body up to a limit, then cuts it or fails.
 *
 * @throws AnswerTooLarge
 */
export async function cappedBody(
  answer: Response,
  limit = maxBytes,
  beyond: 'cut' | 'fail' = 'fail',
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= limit) continue;
    if (beyond === 'fail') throw new AnswerTooLarge();
    break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** The request whose answer a stream is to bring. */
export interface AwaitedAnswer {
  readonly id: string | number;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Called when the stream has ended. */
  readonly done: () => void;
}

/**
 * A stream of events in which none is longer than 8 MiB. When the stream of an answer ends, for whatever
 * reason, an event says at its end that the answer is lost. It comes after a real answer and means nothing
 * then; without it the call would wait for its deadline, since the SDK does not tell.
 */
export function cappedEvents(
  body: ReadableStream<Uint8Array>,
  awaited: AwaitedAnswer | undefined,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(events(body, awaited));
}

async function* events(
  body: ReadableStream<Uint8Array>,
  awaited: AwaitedAnswer | undefined,
): AsyncGenerator<Uint8Array> {
  const watch = new EventWatch();
  let because: LostBecause = 'cut';
  try {
    for await (const chunk of body) {
      if (!watch.admits(chunk)) {
        because = 'too_large';
        break;
      }
      yield chunk;
    }
  } catch {
    // Ends like any other stream that was cut.
  } finally {
    awaited?.done();
  }
  if (awaited === undefined) return;
  const { id, signal } = awaited;
  // An answer, if an empty one: without it the SDK would ask for the rest.
  if (signal.aborted) yield asEvent({ jsonrpc: '2.0', id, result: {} });
  // The SDK does ask for the rest of a stream that can be gone on with.
  else if (because === 'too_large' || !watch.resumable) yield asEvent(lostAnswer(id, because));
}

function asEvent(message: JSONRPCMessage): Buffer {
  return Buffer.from(`\n\nevent: message\ndata: ${JSON.stringify(message)}\n\n`);
}

/** Follows the lines of a stream of events, without reading them. */
class EventWatch {
  /** An event had an id. */
  resumable = false;
  #event = 0;
  #line = 0;
  #start = '';

  /** False when the chunk makes an event too long. */
  admits(chunk: Uint8Array): boolean {
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, from)) {
      this.#add(chunk, from, at);
      if (this.#start.startsWith('id:')) this.resumable = true;
      if (this.#line === 0) this.#event = 0;
      this.#line = 0;
      this.#start = '';
      from = at + 1;
    }
    this.#add(chunk, from, chunk.length);
    return this.#event <= maxBytes;
  }

  #add(chunk: Uint8Array, from: number, to: number): void {
    const end = to > from && chunk[to - 1] === carriageReturn ? to - 1 : to;
    if (this.#start.length < 3)
      this.#start += Buffer.from(chunk.subarray(from, Math.min(end, from + 3))).toString('latin1');
    this.#line += end - from;
    this.#event += end - from;
  }
}
