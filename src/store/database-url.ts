import { SluiceError } from '../domain/sluice-error.ts';
import type { DatabaseAddress } from './database.ts';
import { systemCodeOf } from './database-fault.ts';

/** Parameters of libpq and of poolers, which the server would take for unknown settings of its own. */
const foreign = ['channel_binding', 'pgbouncer', 'connection_limit', 'pool_timeout', 'schema', 'gssencmode'];

/**
 * What the driver has to be told for a `DATABASE_URL`: a socket folder in `?host=/folder`, as libpq
 * writes it, is taken out of the URL, and parameters that are not the driver's are dropped.
 */
export function addressOf(databaseUrl: string): DatabaseAddress {
  const url = new URL(databaseUrl);
  for (const name of foreign) url.searchParams.delete(name);
  const folder = url.searchParams.get('host');
  if (folder === null || !folder.startsWith('/')) return { url: url.href };
  const user = decodeURIComponent(url.username) || 'postgres';
  return {
    host: folder,
    port: Number(url.searchParams.get('port') ?? url.port) || 5432,
    user,
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    database: decodeURIComponent(url.pathname.slice(1)) || user,
  };
}

/**
 * What whoever set `DATABASE_URL` can do about a server that stays out of reach; undefined: that is not the error.
 * Never names the user or the password.
 */
export function unreachableUrl(databaseUrl: string, error: unknown): SluiceError | undefined {
  if (!(error instanceof SluiceError) || error.code !== 'database_unavailable') return undefined;
  const code = systemCodeOf(error.cause);
  const reason = code === undefined ? '' : ` (${code})`;
  const advice = adviceFor(code, new URL(databaseUrl));
  return new SluiceError('database_unavailable', `The database cannot be reached${reason}: ${advice}`, {
    cause: error,
  });
}

function adviceFor(code: string | undefined, url: URL): string {
  const place = placeOf(url);
  if (code === 'ENOTFOUND')
    return `there is no host of the name ${url.hostname}. Correct it in DATABASE_URL.`;
  if (code === 'ECONNREFUSED' || code === 'ENOENT')
    return `nothing listens at ${place}. Start the server, or correct host and port in DATABASE_URL.`;
  if (code === 'ECONNRESET' && url.searchParams.has('sslmode'))
    return `the server at ${place} ends the connection; it may not speak TLS. Switch TLS on there, or take sslmode out of DATABASE_URL.`;
  return `${place} does not answer. Look whether the server runs and lets this machine in, and whether DATABASE_URL is right.`;
}

function placeOf(url: URL): string {
  const address = addressOf(url.href);
  if ('host' in address) return `${address.host}, port ${address.port}`;
  return `${url.hostname || 'localhost'}:${url.port || 5432}`;
}
