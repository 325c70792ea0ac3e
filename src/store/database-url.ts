import type { DatabaseAddress } from './database.ts';

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
