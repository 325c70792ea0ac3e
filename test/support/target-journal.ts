import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject, type JsonValue } from '../../src/domain/json.ts';

/** One request as the target saw it. */
export interface Hit {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body parsed as JSON, or as text when it is none; null when empty. */
  readonly body: JsonValue;
  /** The field `id` of the body, as text. */
  readonly id: string | undefined;
  /** The `Idempotency-Key`, else the id, else the path. */
  readonly key: string;
  /** Counts the hits of this key, from 1. */
  readonly attempt: number;
  /** Milliseconds of `performance.now()` when the request had been read. */
  readonly at: number;
  /** undefined until the answer's head is sent, and for ever when none is. */
  status: number | undefined;
}

/** What happened at the target. Cheap enough for many thousand hits. */
export class Journal {
  readonly hits: Hit[] = [];
  readonly hitsPerKey = new Map<string, number>();
  readonly effects = new Map<string, number>();
  inFlight = 0;
  peakInFlight = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  enter(response: ServerResponse): void {
    this.inFlight += 1;
    this.peakInFlight = Math.max(this.peakInFlight, this.inFlight);
    response.once('close', () => {
      this.inFlight -= 1;
    });
  }

  add(request: IncomingMessage, text: string): Hit {
    const body = parseBody(text);
    const id = isJsonObject(body) && body.id !== undefined ? String(body.id) : undefined;
    const path = request.url ?? '/';
    const key = headerOf(request, 'idempotency-key') ?? id ?? path;
    const attempt = increment(this.hitsPerKey, key);
    const { method = 'GET', headers } = request;
    const hit = { method, path, headers, body, id, key, attempt, at: performance.now(), status: undefined };
    this.hits.push(hit);
    this.#wake();
    return hit;
  }

  worked(hit: Hit): void {
    increment(this.effects, hit.key);
  }

  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter(({ count }) => this.hits.length >= count);
    this.#waiting = this.#waiting.filter(({ count }) => this.hits.length < count);
    for (const { resolve } of due) resolve();
  }
}

function parseBody(text: string): JsonValue {
  if (text === '') return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function increment(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}
