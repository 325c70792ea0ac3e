import type { Dispatcher } from 'undici';
import { RecordFailure } from '../domain/failure.ts';
import { type CallNames, isWrite, unfitFailure } from './call-failure.ts';
import type { HttpSettings } from './connectors-file.ts';
import type { Credentials } from './credentials.ts';
import { isHeaderValue } from './header-rules.ts';
import type { HttpRequest } from './http.ts';
import type { WireRequest } from './http-exchange.ts';
import { bodyText, bodyTrouble } from './request-body.ts';

const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The headers of every call, in both forms that building a request wants. */
export interface OwnHeaders {
  readonly byName: Readonly<Record<string, string>>;
  readonly inTurn: readonly string[];
}

export function ownHeadersOf(
  settings: HttpSettings,
  credentials: Credentials | undefined,
  userAgent: string,
): OwnHeaders {
  const byName = {
    accept: 'application/json, */*;q=0.5',
    'user-agent': userAgent,
    ...lowerCased(settings.headers),
    ...(credentials === undefined ? {} : { [credentials.header]: credentials.value.reveal() }),
  };
  return { byName, inTurn: Object.entries(byName).flat() };
}

/**
 * Puts a request together.
 *
 * @throws RecordFailure of class data when a value of the record does not fit into a path or a header.
 */
export function wireRequest(
  settings: HttpSettings,
  ownHeaders: OwnHeaders,
  request: HttpRequest,
  names: CallNames,
): WireRequest {
  const { method, body, idempotencyKey } = request;
  if (!isMethod(method)) throw new TypeError(`not a method: ${method}`);
  const headers = headersOf(ownHeaders, request.headers, names);
  if (body !== undefined) addUnlessGiven(headers, 'content-type', 'application/json');
  if (idempotencyKey !== undefined && isWrite(method)) {
    addUnlessGiven(headers, 'idempotency-key', idempotencyKey);
  }
  const type = headerValue(headers, 'content-type') ?? '';
  const trouble = body === undefined ? undefined : bodyTrouble(body, type);
  if (trouble !== undefined) throw new RecordFailure(unfitFailure(names, 'body_not_possible', trouble));
  return {
    method,
    path: settings.prefix + checkedPath(request.path, names) + queryOf(request),
    headers,
    body: body === undefined ? null : bodyText(body, type),
  };
}

function isMethod(method: string): method is Dispatcher.HttpMethod {
  return methods.includes(method);
}

const notAllowedInPath = /[^\x21-\x7e]|[\\#]/;
const dotSegments = /(^|\/)(\.|%2e){1,2}(?=\/|$)/i;

/** A record fills parts of the path; none of them may reach outside of where the flow put it. */
function checkedPath(path: string, names: CallNames): string {
  const query = path.indexOf('?');
  const resource = query === -1 ? path : path.slice(0, query);
  if (!path.startsWith('/') || notAllowedInPath.test(path) || dotSegments.test(resource)) {
    const words =
      'a value of the record makes a path that is not allowed (".", ".." or a character that is not encoded)';
    throw new RecordFailure(unfitFailure(names, 'path_not_allowed', words));
  }
  return path;
}

function queryOf({ path, query }: HttpRequest): string {
  if (query === undefined) return '';
  const text = new URLSearchParams(query).toString();
  if (text === '') return '';
  return (path.includes('?') ? '&' : '?') + text;
}

/** Names and values in turn; a record's header takes the place of the connector's own. */
function headersOf(own: OwnHeaders, headers: HttpRequest['headers'], names: CallNames): string[] {
  const given = Object.entries(headers ?? {});
  if (given.length === 0) return [...own.inTurn];

  const broken = given.find(([, value]) => !isHeaderValue(value));
  if (broken !== undefined) {
    const words = `the header ${broken[0]} cannot hold this value; headers take one line of Latin-1 characters`;
    throw new RecordFailure(unfitFailure(names, 'header_not_allowed', words));
  }
  return Object.entries({ ...own.byName, ...lowerCased(Object.fromEntries(given)) }).flat();
}

function addUnlessGiven(headers: string[], name: string, value: string): void {
  if (headerValue(headers, name) === undefined) headers.push(name, value);
}

function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) if (headers[at] === name) return headers[at + 1];
  return undefined;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
