import type { Rate } from '../domain/rate.ts';
import type { BatchOffer } from './batch-offer.ts';
import type { CallNames } from './call-failure.ts';
import type { ConnectorSettings, HttpSettings } from './connectors-file.ts';
import type { AuthSettings, Credentials } from './credentials.ts';
import type { HttpRequest } from './http.ts';
import { Secret, secretMask } from './secret.ts';
import { ownHeadersOf, wireRequest } from './wire-request.ts';

/** How a connector would be called; known without its secrets. */
export interface CallPlan {
  /** Calls at once; undefined: no limit of its own. */
  readonly concurrency: number | undefined;
  readonly rate: Rate | undefined;
  /** What callers of `POST /batch` may do with it. */
  readonly offers: readonly BatchOffer[];
  /** Headers that the connector sets, in small letters: credentials among them. */
  readonly ownHeaders: readonly string[];
  /**
   * A request as it would go out, its secrets masked; undefined: the target takes no requests of this kind.
   *
   * @throws RecordFailure when a value of the record does not fit into a path or a header.
   */
  readonly show: ((request: HttpRequest) => ShownRequest) | undefined;
}

export interface ShownRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, unless the content type is of another kind. */
  readonly body: string | null;
}

export function callPlanOf(settings: ConnectorSettings, userAgent: string): CallPlan {
  const concurrency = 'concurrency' in settings ? settings.concurrency : undefined;
  const rate = 'rate' in settings ? settings.rate : undefined;
  const show =
    settings.type === 'http' ? (request: HttpRequest) => shown(settings, request, userAgent) : undefined;
  const { offers = [] } = 'offers' in settings ? settings : {};
  const ownHeaders = settings.type === 'http' ? namesOfOwn(settings) : [];
  return { concurrency, rate, offers, ownHeaders, show };
}

function namesOfOwn({ headers, auth }: HttpSettings): string[] {
  const credentials = auth === undefined ? [] : [maskedCredentials(auth).header];
  return [...Object.keys(headers).map((name) => name.toLowerCase()), ...credentials];
}

function shown(settings: HttpSettings, request: HttpRequest, userAgent: string): ShownRequest {
  const credentials = settings.auth === undefined ? undefined : maskedCredentials(settings.auth);
  const wire = wireRequest(
    settings,
    ownHeadersOf(settings, credentials, userAgent),
    request,
    namesOf(settings, request),
  );
  return {
    method: wire.method,
    url: settings.origin + wire.path,
    headers: maskedHeaders(wire.headers),
    body: wire.body,
  };
}

/** What failures of a request call it by. */
export function namesOf(settings: HttpSettings, request: HttpRequest): CallNames {
  return {
    connector: settings.name,
    method: request.method,
    endpoint: request.endpoint ?? request.path.split('?', 1)[0] ?? '',
    step: request.step,
    timeoutMs: request.timeoutMs ?? settings.timeoutMs,
  };
}

const schemes = { bearer: 'Bearer ', basic: 'Basic ', header: '' } as const;

function maskedCredentials(auth: AuthSettings): Credentials {
  const header = auth.type === 'header' ? auth.header.toLowerCase() : 'authorization';
  return { header, value: new Secret(schemes[auth.type] + secretMask), secrets: [] };
}

const secretHeader = /auth|cookie|token|secret|password|api-?key/i;

/** Headers in turn by name; a header that a file writes out may be a secret as well. */
function maskedHeaders(inTurn: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < inTurn.length; at += 2) {
    const [name = '', value = ''] = inTurn.slice(at, at + 2);
    headers[name] = secretHeader.test(name) && !value.endsWith(secretMask) ? secretMask : value;
  }
  return headers;
}
