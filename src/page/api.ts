import { connectionLost } from './connection.ts';
import { readToken, tokenNeed } from './token.ts';

const base = '/api/v1';

/** A call that was refused or went wrong, in the words of the server. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  /** A stable code of the API; `no_connection`: the server did not answer. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON, a file as its bytes. */
  readonly body?: object | Blob;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The answer of the API to a call. @throws CallFailure, or an AbortError when `signal` says so */
export async function ask<Answer>(path: string, call: Call = {}): Promise<Answer> {
  const response = await send(path, call);
  // What each path answers with is promised by the API; tests hold both to it.
  return (await response.json()) as Answer;
}

/** As `ask`, for an answer that is read in pieces, or is no JSON. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  const token = readToken();
  const response = await reach(path, call, token);
  if (response.ok) return response;
  const failure = await failureOf(response);
  // Only about the token that is kept now: it may have changed meanwhile.
  if (response.status === 401 && readToken() === token) tokenNeed.set(token === null ? 'missing' : 'refused');
  throw failure;
}

async function reach(path: string, call: Call, token: string | null): Promise<Response> {
  const { method = 'GET', body, headers, signal } = call;
  try {
    return await fetch(base + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined || body instanceof Blob ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      cache: 'no-store',
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    connectionLost();
    throw new CallFailure('no_connection', 'The server did not answer, so it is not known whether it acted.');
  }
}

async function failureOf(response: Response): Promise<CallFailure> {
  const { code, detail } = await response
    .json()
    .then((problem: { code?: string; detail?: string }) => problem)
    .catch(() => ({ code: undefined, detail: undefined }));
  return new CallFailure(code ?? 'unknown', detail ?? `The server answered ${response.status}.`);
}

/** A part of a path that may hold anything. */
export const segment = (text: string) => encodeURIComponent(text);

/** Those parameters that have a value, as a query. */
export function query(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
