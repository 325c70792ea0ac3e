import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { JsonValue } from '../../src/domain/json.ts';
import { type Hit, Journal } from './target-journal.ts';

export type { Hit } from './target-journal.ts';

type Headers = Readonly<Record<string, string>>;

/** How the target answers one hit: before anything else happens `until` is awaited, then `delayMs` pass. */
export type Mode = { readonly until?: Promise<void>; readonly delayMs?: number } & (
  | { readonly kind: 'ok'; readonly body?: JsonValue }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: JsonValue;
      readonly headers?: Headers;
    }
  | { readonly kind: 'redirect'; readonly to: string }
  /** Takes the request and says nothing until the caller hangs up. */
  | { readonly kind: 'hang' }
  /** Sends the head at once, then one byte per `everyMs` of a body without end. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  /** Cuts the connection; no work was done. */
  | { readonly kind: 'reset' }
  /** Does the work, then cuts the connection: the answer is lost. */
  | { readonly kind: 'reset_after_work' }
  /** Does the work, sends the head and half of the body, then cuts the connection. */
  | { readonly kind: 'half' }
  /** 200 with a page instead of what was asked for. */
  | { readonly kind: 'page' }
  /** 200 with a JSON content type and a body that is no JSON. */
  | { readonly kind: 'bad_json' }
  /** Bytes that are no HTTP. */
  | { readonly kind: 'garbage' }
  /** 200 with a JSON string of `bytes` bytes. */
  | { readonly kind: 'huge'; readonly bytes: number }
);

export type Answer = (hit: Hit, inFlight: number) => Mode;

export interface TargetOptions {
  /** Decides each answer, with the number of requests under way. Default: every hit is answered 200 `{ok: true, id}`. */
  readonly answer?: Answer;
  readonly port?: number;
}

export interface Target {
  readonly url: string;
  /** Every hit in the order of arrival. */
  readonly hits: readonly Hit[];
  readonly hitsPerKey: ReadonlyMap<string, number>;
  /** How often the work of a key was done: answered 2xx, or done and the answer lost. Undone keys are absent. */
  readonly effects: ReadonlyMap<string, number>;
  /** Most requests under way at one moment. */
  readonly peakInFlight: number;
  /** Resolves once there are `count` hits. */
  reached(count: number): Promise<void>;
  /** Connections made while nobody listened are not among the hits. */
  readonly isListening: boolean;
  /** Cuts every connection and refuses new ones until `accept`. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

export const ok: Mode = { kind: 'ok' };

export const status = (code: number, body: JsonValue = null, headers: Headers = {}): Mode => ({
  kind: 'status',
  status: code,
  body,
  headers,
});

export const tooManyRequests = (retryAfterSeconds: number): Mode =>
  status(429, { message: 'slow down' }, { 'retry-after': String(retryAfterSeconds) });

/** An `answer` that gives `mode` to the first `count` hits of each key and 200 to the later ones. */
export function failFirst(count: number, mode: Mode): (hit: Hit) => Mode {
  return (hit) => (hit.attempt <= count ? mode : ok);
}

/** What holds from a moment on, in milliseconds since the first hit. */
export interface Phase {
  readonly fromMs: number;
  readonly answer: Answer;
}

/** An `answer` that changes with time: that of the last phase that has begun; before the first one 200. */
export function script(...phases: readonly Phase[]): Answer {
  let began: number | undefined;
  return (hit, inFlight) => {
    began ??= hit.at;
    const sinceMs = hit.at - began;
    const present = phases.findLast(({ fromMs }) => fromMs <= sinceMs);
    return present === undefined ? ok : present.answer(hit, inFlight);
  };
}

/** The most hits that any window of this length holds. */
export function fullestWindow(hits: readonly Pick<Hit, 'at'>[], windowMs: number): number {
  const times = hits.map(({ at }) => at).sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [index, at] of times.entries()) {
    while (at - (times[first] ?? at) >= windowMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

/** Starts an HTTP server on loopback that keeps a journal of every hit and misbehaves as told. */
export async function startTarget({ answer = () => ok, port = 0 }: TargetOptions = {}): Promise<Target> {
  const journal = new Journal();
  const server = createServer((request, response) => {
    serve(request, response, journal, answer).catch((error: unknown) => {
      // A caller may hang up at any time; anything else is a mistake in a test's `answer`.
      if (!response.destroyed) console.error('The target broke:', error);
      response.destroy();
    });
  });
  const listen = async (on: number) => {
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const taken = await listen(port);

  return {
    url: `http://127.0.0.1:${taken}`,
    hits: journal.hits,
    hitsPerKey: journal.hitsPerKey,
    effects: journal.effects,
    get peakInFlight() {
      return journal.peakInFlight;
    },
    get isListening() {
      return server.listening;
    },
    reached: (count) => journal.reached(count),
    refuse: stop,
    accept: async () => void (await listen(taken)),
    close: stop,
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  journal: Journal,
  answer: Answer,
): Promise<void> {
  journal.enter(response);
  const hit = journal.add(request, await readText(request));

  const mode = answer(hit, journal.inFlight);
  await mode.until;
  if (mode.delayMs !== undefined) await pause(mode.delayMs, response);
  if (response.destroyed) return;

  if (doesWork(mode)) journal.worked(hit);
  await respond(mode, hit, response);
}

function doesWork(mode: Mode): boolean {
  if (mode.kind === 'status') return mode.status >= 200 && mode.status < 300;
  return ['ok', 'bad_json', 'huge', 'drip', 'half', 'page', 'reset_after_work'].includes(mode.kind);
}

function respond(mode: Mode, hit: Hit, response: ServerResponse): Promise<void> | undefined {
  const send = (code: number, text: string, headers: Headers = {}) => {
    startAnswer(hit, response, code, { 'content-length': String(Buffer.byteLength(text)), ...headers });
    response.end(text);
  };
  switch (mode.kind) {
    case 'ok':
      send(200, JSON.stringify(mode.body ?? { ok: true, id: hit.id ?? null }));
      return;
    case 'status':
      send(mode.status, mode.body == null ? '' : JSON.stringify(mode.body), mode.headers);
      return;
    case 'redirect':
      send(302, '', { location: mode.to });
      return;
    case 'bad_json':
      send(200, '{"ok": tru');
      return;
    case 'hang':
      return;
    case 'reset':
    case 'reset_after_work':
      response.socket?.resetAndDestroy();
      return;
    case 'garbage':
      response.socket?.end('\u0000\u0001 this is not HTTP \r\n\r\n');
      return;
    case 'page':
      send(200, '<!doctype html><title>Welcome</title>', { 'content-type': 'text/html' });
      return;
    case 'half':
      startAnswer(hit, response, 200, { 'content-length': '20' });
      response.write('{"ok": tru', () => response.socket?.resetAndDestroy());
      return;
    case 'drip':
      drip(mode.everyMs, hit, response);
      return;
    case 'huge':
      startAnswer(hit, response, 200, { 'content-length': String(mode.bytes) });
      return pipeline(jsonString(mode.bytes), response);
  }
}

function startAnswer(hit: Hit, response: ServerResponse, code: number, headers: Headers): void {
  hit.status = code;
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
}

function drip(everyMs: number, hit: Hit, response: ServerResponse): void {
  startAnswer(hit, response, 200, {});
  response.write('"');
  const timer = setInterval(() => response.write('.'), everyMs);
  response.once('close', () => clearInterval(timer));
}

/** A JSON string of exactly `bytes` bytes, in pieces. */
function* jsonString(bytes: number): Generator<string> {
  const piece = 'x'.repeat(64 * 1024);
  yield '"';
  for (let left = bytes - 2; left > 0; left -= piece.length) yield piece.slice(0, left);
  yield '"';
}

/** Waits, but no longer than the caller does. */
function pause(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    response.once('close', done);
  });
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const piece of request) text += String(piece);
  return text;
}
