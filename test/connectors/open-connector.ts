import { onTestFinished } from 'vitest';
import type { CallLimits } from '../../src/connectors/call-limits.ts';
import type { HttpSettings } from '../../src/connectors/connectors-file.ts';
import type { Credentials } from '../../src/connectors/credentials.ts';
import type { HttpAnswer, HttpConnector, HttpRequest } from '../../src/connectors/http.ts';
import { openHttpConnector } from '../../src/connectors/http-connector.ts';
import { type Failure, RecordFailure } from '../../src/domain/failure.ts';

/** A connector named `crm` to a server of the test, closed when the test ends. */
export function openConnector(
  url: string,
  settings: Partial<HttpSettings> = {},
  credentials?: Credentials,
  limits?: CallLimits,
): HttpConnector {
  const connector = openHttpConnector({
    settings: {
      type: 'http',
      name: 'crm',
      origin: url,
      prefix: '',
      headers: {},
      timeoutMs: 5_000,
      allowPrivate: true,
      ...settings,
    },
    userAgent: 'sluice',
    allowPrivateHosts: false,
    ...(credentials === undefined ? {} : { credentials }),
    ...(limits === undefined ? {} : { limits }),
  });
  onTestFinished(() => connector.close());
  return connector;
}

/** A POST of a small record, unless the test says otherwise. */
export function request(given: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    path: '/customers',
    body: { id: 1 },
    idempotencyKey: 'job:0:target:r0',
    signal: new AbortController().signal,
    ...given,
  };
}

export function get(given: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', path: '/customers', signal: new AbortController().signal, ...given };
}

/** The failure a call ends with. */
export async function failureOf(call: Promise<HttpAnswer>): Promise<Failure> {
  const error = await call.then(
    (answer) => new Error(`answered ${answer.status}`),
    (reason: unknown) => reason,
  );
  if (error instanceof RecordFailure) return error.failure;
  throw error;
}
