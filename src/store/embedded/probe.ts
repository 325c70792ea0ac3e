import postgres from 'postgres';
import { codeOf, refusedByServer } from './embedded-failure.ts';

/** Ready to be handed to postgres.js. */
export interface PostgresAddress {
  /** The folder of the socket, or 127.0.0.1. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
}

/** What a server says, or fails to, while it comes up or goes down. */
const passing = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  // cannot_connect_now, admin_shutdown, crash_shutdown
  '57P03',
  '57P01',
  '57P02',
]);

/** too_many_connections: a server that is full is one that runs. */
const full = '53300';

/**
 * Whether a server answers a query at this address now.
 *
 * @throws SluiceError when it refuses for a reason that waiting does not change.
 */
export async function answers(address: PostgresAddress, dataDirectory: string): Promise<boolean> {
  const sql = postgres({ ...address, max: 1, connect_timeout: 2, fetch_types: false, ssl: false, onnotice });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, 2000, false);
  });
  try {
    return await Promise.race([sql`select 1`.then(() => true), late]);
  } catch (error) {
    const code = codeOf(error) ?? 'unknown';
    if (code === full) return true;
    if (passing.has(code)) return false;
    throw refusedByServer(dataDirectory, code);
  } finally {
    clearTimeout(timer);
    // Not awaited: ending a connection that hangs can hang as well.
    sql.end({ timeout: 0 }).catch(() => {});
  }
}

function onnotice(): void {}
