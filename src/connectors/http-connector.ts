import { RecordFailure } from '../domain/failure.ts';
import { guardedConnector } from './address-guard.ts';
import {
  binaryNote,
  complaintIn,
  isPacked,
  maxUnpackedBytes,
  storedValue,
  textOf,
  unpack,
} from './answer-body.ts';
import {
  answerFailure,
  type CallNames,
  isWrite,
  noAnswerFailure,
  redirectFailure,
  refusalFailure,
  withoutAnswer,
} from './call-failure.ts';
import { CallLimits } from './call-limits.ts';
import { connectorFailure } from './connector-failure.ts';
import type { HttpSettings } from './connectors-file.ts';
import type { Credentials } from './credentials.ts';
import type { HttpAnswer, HttpConnector, HttpRequest } from './http.ts';
import { HttpConnections } from './http-connections.ts';
import { exchange, NoAnswer, type WireAnswer, type WireRequest } from './http-exchange.ts';
import { NeverLeft } from './never-left.ts';
import { isRedirect, maxRedirects, redirectedPath } from './redirects.ts';
import { type Secret, scrubber } from './secret.ts';
import { ownHeadersOf, wireRequest } from './wire-request.ts';

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
  const connections = new HttpConnections(
    settings.origin,
    guardedConnector(settings.allowPrivate || options.allowPrivateHosts),
  );
  const ownScrub = scrubber(credentials?.secrets ?? []);
  const ownHeaders = ownHeadersOf(settings, credentials, options.userAgent);
  const leavesLost = settings.retryLostAnswers === false;

  return {
    name: settings.name,
    async call(request) {
      const { accepts = is2xx, judge, secrets, signal } = request;
      const names = namesOf(settings, request);
      const scrub = secrets === undefined ? ownScrub : maskingAlso(ownScrub, secrets);
      const way: Way = { sent: false };
      try {
        const wire = wireRequest(settings, ownHeaders, request, names);
        const asking: Asking = {
          wire,
          accepts,
          judge,
          signal,
          names,
          scrub,
          whole: request.whole === true,
          way,
        };
        return await limits.run((leaves) => ask(connections, settings.origin, asking, leaves), signal);
      } catch (error) {
        const cutOff = signal.aborted && error === signal.reason;
        if (cutOff && !way.sent) throw new NeverLeft(error);
        const isLost = cutOff && leavesLost && isWrite(request.method);
        const cause = isLost ? new RecordFailure(noAnswerFailure(names, { cause: error, ...way })) : error;
        throw connectorFailure(settings, cause);
      }
    },
    close: () => connections.close(),
  };
}

const is2xx = (status: number) => status >= 200 && status < 300;

/** Masks secrets in a text. */
type Scrub = (text: string) => string;

function maskingAlso(scrub: Scrub, secrets: readonly Secret[]): Scrub {
  const more = scrubber(secrets);
  return (text) => more(scrub(text));
}

function namesOf(settings: HttpSettings, request: HttpRequest): CallNames {
  const isDeclared = settings.isDeclared !== false;
  return {
    connector: settings.name,
    isDeclared,
    addressKey: isDeclared ? undefined : 'url',
    method: request.method,
    endpoint: request.endpoint ?? request.path.split('?', 1)[0] ?? '',
    step: request.step,
    timeoutMs: request.timeoutMs ?? settings.timeoutMs,
  };
}

/** How far a call has come. */
interface Way {
  /** A part of it was on its way. */
  sent: boolean;
}

interface Asking {
  readonly wire: WireRequest;
  readonly accepts: (status: number) => boolean;
  readonly judge: HttpRequest['judge'];
  readonly signal: AbortSignal;
  readonly names: CallNames;
  readonly scrub: Scrub;
  readonly whole: boolean;
  readonly way: Way;
}

/** One call with its redirects, inside one deadline. */
async function ask(
  connections: HttpConnections,
  origin: string,
  asking: Asking,
  noteLeaving: () => void,
): Promise<HttpAnswer> {
  const { wire, accepts, signal, names, scrub, way } = asking;
  const leaves = () => {
    way.sent = true;
    noteLeaving();
  };
  const deadline = performance.now() + names.timeoutMs;
  let request = wire;
  try {
    for (let hop = 0; ; hop++) {
      const left = hop === 0 ? names.timeoutMs : Math.max(1, deadline - performance.now());
      const answer = await exchange(connections, request, left, signal, leaves);
      const { status, headers } = answer;
      if (!isRedirect(status) || accepts(status)) {
        return read(isPacked(answer) ? await unpacked(answer, asking) : answer, asking);
      }

      const isTooFar = hop === maxRedirects;
      const path = isTooFar ? undefined : redirectedPath(answer, request, origin);
      if (path === undefined) {
        const location = headers.location && scrub(headers.location);
        throw new RecordFailure(redirectFailure(names, { status, location, isTooFar }));
      }
      request = { ...request, path };
    }
  } catch (error) {
    throw withoutAnswer(names, error);
  }
}

function read(answer: WireAnswer, { accepts, judge, whole, scrub, names }: Asking): HttpAnswer {
  const { status, headers, body } = answer;
  // The reason of a refusal is in its JSON, however large.
  const most = whole || !accepts(status) ? maxUnpackedBytes : undefined;
  const text = binaryNote(body, headers) ?? textOf(body, most, headers);
  const value = storedValue(scrub(text), headers);
  if (!accepts(status)) {
    throw new RecordFailure(answerFailure(names, answer, complaintIn(value, headers), Date.now()));
  }
  const good = { status, headers: flat(headers), body: value };
  const refusal = judge?.(good);
  if (refusal === undefined) return good;
  throw new RecordFailure(refusalFailure(names, answer, refusal, complaintIn(value, headers), Date.now()));
}

/** Of an answer that says no anyhow, what cannot be unpacked is left out. */
async function unpacked(answer: WireAnswer, { accepts }: Asking): Promise<WireAnswer> {
  try {
    return { ...answer, body: await unpack(answer) };
  } catch (error) {
    if (accepts(answer.status)) throw new NoAnswer(error, true);
    return { ...answer, body: Buffer.alloc(0) };
  }
}

function flat(headers: WireAnswer['headers']): Record<string, string> {
  const flattened: Record<string, string> = {};
  for (const name of Object.keys(headers)) flattened[name] = String(headers[name]);
  return flattened;
}
