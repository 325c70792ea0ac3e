import { Pool } from 'undici';
import { RecordFailure } from '../domain/failure.ts';
import { guardedConnector } from './address-guard.ts';
import { complaintIn, isPacked, maxUnpackedBytes, storedValue, textOf, unpack } from './answer-body.ts';
import { answerFailure, type CallNames, isWrite, noAnswerFailure, redirectFailure } from './call-failure.ts';
import { CallLimits } from './call-limits.ts';
import { connectorFailure } from './connector-failure.ts';
import type { HttpSettings } from './connectors-file.ts';
import type { Credentials } from './credentials.ts';
import type { HttpAnswer, HttpConnector, HttpRequest } from './http.ts';
import { exchange, NoAnswer, type WireAnswer, type WireRequest } from './http-exchange.ts';
import { NeverLeft } from './never-left.ts';
import { redirectedPath } from './redirects.ts';
import { type Secret, scrubber } from './secret.ts';
import { ownHeadersOf, wireRequest } from './wire-request.ts';

const maxRedirects = 3;

export interface HttpConnectorOptions {
  readonly settings: HttpSettings;
  readonly credentials?: Credentials;
  readonly userAgent: string;
  /** Opens private addresses to every connector, whatever its own setting. */
  readonly allowPrivateHosts: boolean;
  /** Shared by all that call the same target; default: its own. */
  readonly limits?: CallLimits;
}

/** Opens a connector. Nothing is connected before the first call; `close` cuts what is under way. */
export function openHttpConnector(options: HttpConnectorOptions): HttpConnector & { close(): Promise<void> } {
  const { settings, credentials, limits = new CallLimits(settings) } = options;
  const pool = new Pool(settings.origin, {
    connect: guardedConnector(settings.allowPrivate || options.allowPrivateHosts),
    pipelining: 1,
    // The whole call has one deadline; these only know of silence.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const opened: Opened = { pool, origin: settings.origin, scrub: scrubber(credentials?.secrets ?? []) };
  const ownHeaders = ownHeadersOf(settings, credentials, options.userAgent);
  const leavesLost = settings.retryLostAnswers === false;

  return {
    name: settings.name,
    async call(request) {
      const { accepts = is2xx, secrets, signal } = request;
      const names = namesOf(settings, request);
      const own = secrets === undefined ? opened : { ...opened, scrub: maskingAlso(opened.scrub, secrets) };
      let sent = false;
      try {
        const wire = wireRequest(settings, ownHeaders, request, names);
        return await limits.run(async (noteLeaving) => {
          const leaves = () => {
            sent = true;
            noteLeaving();
          };
          const answer = await send(own, { wire, accepts, signal, names, leaves });
          return read(own, answer, request, names);
        }, signal);
      } catch (error) {
        const cutOff = signal.aborted && error === signal.reason;
        if (cutOff && !sent) throw new NeverLeft(error);
        const isLost = cutOff && leavesLost && isWrite(request.method);
        const cause = isLost ? new RecordFailure(noAnswerFailure(names, { cause: error, sent })) : error;
        throw connectorFailure(settings, cause);
      }
    },
    close: () => pool.destroy(),
  };
}

const is2xx = (status: number) => status >= 200 && status < 300;

function maskingAlso(scrub: Opened['scrub'], secrets: readonly Secret[]): Opened['scrub'] {
  const more = scrubber(secrets);
  return (text) => more(scrub(text));
}

interface Opened {
  readonly pool: Pool;
  readonly origin: string;
  /** Masks the connector's secrets in a text. */
  readonly scrub: (text: string) => string;
}

function namesOf(settings: HttpSettings, request: HttpRequest): CallNames {
  return {
    connector: settings.name,
    method: request.method,
    endpoint: request.endpoint ?? request.path.split('?', 1)[0] ?? '',
    step: request.step,
    timeoutMs: request.timeoutMs ?? settings.timeoutMs,
  };
}

interface Sending {
  readonly wire: WireRequest;
  readonly accepts: (status: number) => boolean;
  readonly signal: AbortSignal;
  readonly names: CallNames;
  readonly leaves: () => void;
}

/** One call with its redirects, inside one deadline. */
async function send(
  { pool, origin, scrub }: Opened,
  { wire, accepts, signal, names, leaves }: Sending,
): Promise<WireAnswer> {
  const deadline = performance.now() + names.timeoutMs;
  let request = wire;
  for (let hop = 0; ; hop++) {
    const left = Math.max(1, deadline - performance.now());
    const answer = await exchange(pool, request, left, signal, leaves).catch((error: unknown) => {
      throw error instanceof NoAnswer ? new RecordFailure(noAnswerFailure(names, error)) : error;
    });
    const { status, headers } = answer;
    if (status < 300 || status >= 400 || status === 304 || accepts(status)) return answer;

    const path = hop < maxRedirects ? redirectedPath(answer, request, origin) : undefined;
    if (path === undefined) {
      throw new RecordFailure(redirectFailure(names, status, scrub(headers.location ?? '')));
    }
    request = { ...request, path };
  }
}

async function read(
  { scrub }: Opened,
  answer: WireAnswer,
  { accepts = is2xx, whole }: HttpRequest,
  names: CallNames,
): Promise<HttpAnswer> {
  const { status, headers } = answer;
  const good = accepts(status);
  const body = isPacked(answer) ? await unpacked(answer, good, names) : answer.body;
  const value = storedValue(scrub(textOf(body, whole === true ? maxUnpackedBytes : undefined)), headers);
  if (!good) throw new RecordFailure(answerFailure(names, answer, complaintIn(value, headers), Date.now()));
  return { status, headers: flat(headers), body: value };
}

/** Of an answer that says no anyhow, what cannot be unpacked is left out. */
async function unpacked(answer: WireAnswer, good: boolean, names: CallNames): Promise<Buffer> {
  try {
    return await unpack(answer);
  } catch (error) {
    if (good) throw new RecordFailure(noAnswerFailure(names, { cause: error, sent: true }));
    return Buffer.alloc(0);
  }
}

function flat(headers: WireAnswer['headers']): Record<string, string> {
  const flattened: Record<string, string> = {};
  for (const name of Object.keys(headers)) flattened[name] = String(headers[name]);
  return flattened;
}
