import type { TakeFile } from '../connectors/http-files.ts';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import { type ErrorCode, SluiceError } from '../domain/sluice-error.ts';

/**
 * Fetches a file through the connector whose base URL it lies under, and hands it over while it comes in.
 *
 * @throws SluiceError for a URL that no connector leads to, and for a file that does not come, or not to its end;
 * whatever `take` throws; the signal's reason once it is aborted
 */
export type FetchFile = <T>(url: URL, signal: AbortSignal, take: TakeFile<T>) => Promise<T>;

export function openFetching(openConnectors: () => Promise<ConnectorRegistry>): FetchFile {
  return async (url, signal, take) => {
    const registry = await openConnectors();
    try {
      return await registry.filesOver(url).fetch(url, signal, take);
    } catch (error) {
      throw error instanceof RecordFailure ? notFetched(error.failure, error) : error;
    }
  };
}

/** What the target itself says is left out: a refusal has no place for the words of others. */
function notFetched(
  { class: errorClass, code, connector = '', message, retryAfterMs }: Failure,
  cause: Error,
) {
  const isGone = code === 'http_404' || code === 'http_410';
  const kind: ErrorCode = isGone ? 'source_not_found' : 'source_unavailable';
  const advice =
    errorClass === 'auth'
      ? ` Ask the person to type \`sluice connect ${connector}\` at a terminal if its secret is not good any more.`
      : errorClass === 'transient'
        ? ' The same call may succeed later.'
        : '';
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new SluiceError(kind, `${message}.${advice}`, { cause, ...wait });
}
