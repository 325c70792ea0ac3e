import { accessSync, constants } from 'node:fs';
import { isPrivateHost, withoutBrackets } from './private-address.ts';
import { Secret } from './secret.ts';

/** How much of a connection is encrypted and checked, in libpq's words. */
export type SslMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/** Where a Postgres listens, and as whom it is asked. */
export interface SqlAddress {
  /** A name or an address; the folder of a socket begins with a slash. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
  readonly database: string;
  readonly sslMode: SslMode;
  /** File with the certificates to trust; undefined: those of Node. */
  readonly rootCertificates: string | undefined;
  /** Settings for the session, as `-c name=value`. */
  readonly options: string | undefined;
}

const sslModes: readonly string[] = ['disable', 'require', 'verify-ca', 'verify-full'];

/**
 * Reads a `postgres://` URL as libpq does, without its fallbacks: nothing comes from PGHOST, PGPASSWORD or
 * a password file, which may belong to another server. Parameters that mean nothing here are left out.
 *
 * The problem is a clause that holds nothing of the URL.
 */
export function sqlAddressOf(text: string): SqlAddress | { readonly problem: string } {
  // libpq takes a user without a host, for the socket of `?host=`.
  const whole = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1localhost');
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    return { problem: 'does not hold a URL that begins with postgres://' };
  }
  const { searchParams: given } = url;
  try {
    const user = partOf(given, 'user', url.username) || 'postgres';
    const address = {
      host: partOf(given, 'host', withoutBrackets(url.hostname)) || 'localhost',
      port: Number(partOf(given, 'port', url.port) || 5432),
      user,
      password: new Secret(partOf(given, 'password', url.password)),
      database: partOf(given, 'dbname', url.pathname.slice(1)) || user,
      sslMode: (given.get('sslmode') ?? 'disable') as SslMode,
      rootCertificates: given.get('sslrootcert') ?? undefined,
      options: given.get('options') ?? undefined,
    };
    const problem = problemOf(address, given);
    return problem === undefined ? address : { problem };
  } catch {
    return { problem: 'holds a % that encodes nothing' };
  }
}

/** A parameter of that name goes before what stands in the URL itself. */
function partOf(given: URLSearchParams, name: string, encoded: string): string {
  return given.get(name) ?? decodeURIComponent(encoded);
}

function problemOf(
  { host, port, sslMode, rootCertificates }: SqlAddress,
  given: URLSearchParams,
): string | undefined {
  if (host.includes(',')) return 'names several hosts; name one';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'has a port that is none';
  if (!sslModes.includes(sslMode)) return `has an sslmode other than ${sslModes.join(', ')}`;
  if (given.has('sslcert') || given.has('sslkey')) {
    return 'asks for a client certificate (sslcert), which cannot be used here';
  }
  const cannotRead = rootCertificates !== undefined && !isReadable(rootCertificates);
  return cannotRead ? 'names a file of certificates (sslrootcert) that cannot be read' : undefined;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** True for the socket of a server on this machine. */
export function isSocketFolder(host: string): boolean {
  return host.startsWith('/');
}

/** True when the address is plainly not public. */
export function isPrivatePlace({ host }: SqlAddress): boolean {
  return isSocketFolder(host) || isPrivateHost(host);
}
