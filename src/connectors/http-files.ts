import { type IncomingHttpHeaders, type IncomingMessage, request as send } from 'node:http';
import type { Socket } from 'node:net';
import { RecordFailure } from '../domain/failure.ts';
import { guardedConnector } from './address-guard.ts';
import { UnreadableAnswer } from './answer-body.ts';
import { answerFailure, type CallNames, redirectFailure } from './call-failure.ts';
import { CallLimits } from './call-limits.ts';
import { connectorFailure } from './connector-failure.ts';
import {
  cutFailure,
  longerFailure,
  noFileFailure,
  noTurnFailure,
  packedFailure,
  TurnTooLate,
} from './file-failure.ts';
import type { HttpConnectorOptions } from './http-connector.ts';
import { TimeOver } from './http-exchange.ts';
import { withoutBrackets } from './private-address.ts';
import { isRedirect, maxRedirects, redirectedPath } from './redirects.ts';
import { scrubber } from './secret.ts';
import { unpackedStream } from './unpacked-stream.ts';
import { ownHeadersOf } from './wire-request.ts';

/** Of a path, in words about it. */
const shownPath = 200;

/** A file of a target on its way in. */
export interface IncomingContent {
  readonly headers: IncomingHttpHeaders;
  /**
   * Its bytes, unpacked. Reading them throws RecordFailure when they do not come to their end, or are more or fewer
   * than was announced.
   */
  readonly content: AsyncIterable<Uint8Array>;
}

/** What takes a file in. It is called when the target has answered 200, and what it has left unread is dropped. */
export type TakeFile<T> = (file: IncomingContent) => Promise<T>;

/** The files that lie under the base URL of a connector. */
export interface HttpFiles {
  /**
   * Fetches a file by GET, as a call of the connector: with its headers, within its limits. Its time limit is for
   * each silence and not for the whole.
   *
   * @throws RecordFailure for every answer but 200 and for no answer at all; whatever `take` throws; the signal's
   * reason once it is aborted.
   */
  fetch<T>(url: URL, signal: AbortSignal, take: TakeFile<T>): Promise<T>;
}

/** Opens the files of a connector. Each is fetched over a connection of its own, so there is nothing to close. */
export function openHttpFiles(options: HttpConnectorOptions): HttpFiles {
  const { settings, credentials, userAgent, limits = new CallLimits(settings) } = options;
  const { byName } = ownHeadersOf(settings, credentials, userAgent);
  const scrub = scrubber(credentials?.secrets ?? []);
  const reach: Reach = {
    connect: guardedConnector(settings.allowPrivate || options.allowPrivateHosts),
    headers: { 'accept-encoding': 'gzip, br, deflate', ...byName },
    silenceMs: settings.timeoutMs,
  };
  return {
    async fetch(url, signal, take) {
      const endpoint = scrub(url.pathname).slice(0, shownPath);
      const names: CallNames = {
        connector: settings.name,
        addressKey: 'the URL',
        method: 'GET',
        endpoint,
        step: undefined,
        timeoutMs: settings.timeoutMs,
      };
      try {
        return await inTurn(limits, names, signal, async (leaves) => {
          const asking = { ...reach, names, signal, leaves };
          const answered = await follow(asking, url);
          const { headers } = answered.answer;
          const unfit = (encoding: string) => packedFailure(names, encoding);
          try {
            const bytes = bytesOf(answered, asking);
            return await take({
              headers,
              content: unpackedStream(bytes, headers['content-encoding'], unfit),
            });
          } finally {
            answered.answer.destroy();
          }
        });
      } catch (error) {
        throw connectorFailure(settings, error);
      }
    },
  };
}

interface Reach {
  readonly connect: ReturnType<typeof guardedConnector>;
  readonly headers: Readonly<Record<string, string>>;
  readonly silenceMs: number;
}

interface Asking extends Reach {
  readonly names: CallNames;
  readonly signal: AbortSignal;
  readonly leaves: () => void;
}

/** Waits for its turn as long as for an answer: who asks waits for the file, unlike the records of a job. */
async function inTurn<T>(
  limits: CallLimits,
  names: CallNames,
  signal: AbortSignal,
  call: (leaves: () => void) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new TurnTooLate()), names.timeoutMs);
  const begin = (leaves: () => void) => {
    clearTimeout(timer);
    return call(leaves);
  };
  try {
    return await limits.run(begin, AbortSignal.any([signal, patience.signal]));
  } catch (error) {
    throw error instanceof TurnTooLate ? noTurnFailure(names) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** The answer 200 at the end of the redirects. */
async function follow(asking: Asking, from: URL): Promise<Answered> {
  const { names, signal } = asking;
  let path = from.pathname + from.search;
  for (let hop = 0; ; hop++) {
    const answered = await ask(asking, from, path).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : noFileFailure(names, error);
    });
    const { statusCode: status = 0, headers } = answered.answer;
    if (status === 200) return answered;
    answered.answer.destroy();
    const head = { status, headers, body: Buffer.alloc(0) };
    if (!isRedirect(status)) throw new RecordFailure(answerFailure(names, head, undefined, Date.now()));
    const isTooFar = hop === maxRedirects;
    const next = isTooFar ? undefined : redirectedPath(head, { method: 'GET', path }, from.origin);
    if (next === undefined) {
      // The address of a file may open it by itself, so it is not quoted.
      const location = headers.location && '';
      throw new RecordFailure(redirectFailure(names, { status, location, isTooFar }));
    }
    path = next;
  }
}

interface Answered {
  readonly answer: IncomingMessage;
  /** What went wrong with the connection after the head of the answer, also after the end of its body. */
  readonly trouble: () => Error | undefined;
}

async function* bytesOf({ answer, trouble }: Answered, { names, signal }: Asking) {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw signal.aborted ? signal.reason : cutFailure(names, trouble() ?? error);
  }
  if (trouble() !== undefined) throw longerFailure(names);
}

/** Over Node's own client: of the two it is the one that notices a body that is longer than announced. */
function ask({ connect, headers, silenceMs, signal, leaves }: Asking, url: URL, path: string) {
  return new Promise<Answered>((resolve, reject) => {
    let trouble: Error | undefined;
    const { hostname, host, protocol, port } = url;
    const asked = send({
      method: 'GET',
      path,
      headers: { ...headers, host },
      signal,
      createConnection: (_, done) => {
        // With an error Node does not look at the socket.
        connect({ hostname: withoutBrackets(hostname), host, protocol, port }, (error, socket) =>
          done(error, socket as Socket),
        );
        return undefined;
      },
    });
    asked.setTimeout(silenceMs, () => asked.destroy(new TimeOver()));
    asked.once('socket', leaves);
    asked.once('response', (answer) => resolve({ answer, trouble: () => trouble }));
    asked.on('error', (error) => {
      trouble ??= error;
      reject(error);
    });
    // To an answer that changes the protocol Node says nothing else.
    asked.once('close', () => reject(new UnreadableAnswer()));
    asked.end();
  });
}
