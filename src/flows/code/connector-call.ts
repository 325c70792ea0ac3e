import type { HttpRequest } from '../../connectors/http.ts';
import { parseDuration } from '../../domain/duration.ts';
import { SluiceError } from '../../domain/sluice-error.ts';
import type { Site } from './code-run.ts';
import type { CallAnswer, CallRequest } from './flow-context.ts';
import { jsonOf } from './json-result.ts';
import { groupedPath, ownFailure } from './step-failure.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** One call of a step. */
export interface CallSpot {
  readonly path: string;
  /** Counts the calls of one run of the step, from 0. */
  readonly call: number;
  readonly signal: AbortSignal;
}

/**
 * Calls a connector for a function of a flow.
 *
 * @throws RecordFailure, or SluiceError for what cannot be meant
 */
export async function callConnector(
  site: Site,
  spot: CallSpot,
  connector: string,
  path: string,
  request: CallRequest = {},
): Promise<CallAnswer> {
  if (!site.connectors.has(connector)) {
    const known = writtenIn(site.text, String(connector)) ? ` ${connector}` : '';
    const message = `the flow calls the connector${known} without naming it; add it to connectors: [...] of defineFlow`;
    throw ownFailure('connector_not_listed', message, spot.path);
  }
  return site.context.connectors.http(connector).call(requestOf(site, spot, path, request));
}

function requestOf(
  site: Site,
  { path: step, call, signal }: CallSpot,
  path: unknown,
  request: CallRequest,
): HttpRequest {
  const { body, headers, timeout } = request;
  const method = (request.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase();
  if (!methods.includes(method))
    throw new SluiceError('flow_invalid', `a call takes one of the methods ${methods.join(', ')}`);
  if (typeof path !== 'string')
    throw new SluiceError('flow_invalid', 'a call needs a path below the base_url, such as /customers');
  return {
    method,
    path,
    ...(request.query === undefined ? {} : { query: queryOf(request.query) }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined
      ? {}
      : { body: jsonOf(bodyMeant(body), `the body of a call of ${groupedPath(step)}`) }),
    ...(timeout === undefined ? {} : { timeoutMs: timeoutOf(timeout) }),
    whole: true,
    idempotencyKey: headerSafe(site.keyOf(step, call)),
    step: groupedPath(step),
    endpoint: endpointOf(path, site.text),
    secrets: site.environment.secrets,
    signal,
  };
}

/** The `fetch` of JavaScript takes JSON as a text, so that is what people hand over: the value is meant. */
function bodyMeant(body: unknown): unknown {
  if (typeof body !== 'string' || !/^\s*[[{]/.test(body)) return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function queryOf(query: NonNullable<CallRequest['query']>): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

function timeoutOf(timeout: string | number): number {
  const ms = parseDuration(timeout);
  if (ms === undefined || ms <= 0)
    throw new SluiceError('flow_invalid', 'the timeout of a call is a duration, such as 10s');
  return ms;
}

/** Names of steps may be in any script, headers are not. */
function headerSafe(key: string): string {
  return key.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

/**
 * The path as failures show it: `/customers/…`. What does not stand in the module may come from a record,
 * so it is left out, which also makes it the same for all records.
 */
function endpointOf(path: string, text: string): string {
  const [resource = ''] = path.split('?', 1);
  return resource
    .split('/')
    .map((segment) => (segment === '' || writtenIn(text, segment) ? segment : '…'))
    .join('/');
}

/** True for a word that stands in the text by itself. */
export function writtenIn(text: string, word: string): boolean {
  const isEdge = (at: number) => !/[\p{L}\p{N}_]/u.test(text[at] ?? '');
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (isEdge(at - 1) && isEdge(at + word.length)) return true;
  }
  return false;
}
