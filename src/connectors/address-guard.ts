import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { AddressRefused, guardedLookup } from './guarded-lookup.ts';
import { isPrivateAddress, withoutBrackets } from './private-address.ts';

const connectTimeoutMs = 5_000;

/**
 * Opens connections for undici, to public addresses only unless `allowPrivate`.
 *
 * The check runs on the address that is connected to, each time, so neither a redirect nor a name that
 * changes its address gets around it.
 */
export function guardedConnector(allowPrivate: boolean): buildConnector.connector {
  if (allowPrivate) return buildConnector({ timeout: connectTimeoutMs });

  const connect = buildConnector({
    timeout: connectTimeoutMs,
    lookup: guardedLookup,
  } as buildConnector.BuildOptions);
  return (options, callback) => {
    const host = withoutBrackets(options.hostname);
    // The system is not asked for an address that is written out, so lookup alone would not see it.
    if (isIP(host) !== 0 && isPrivateAddress(host)) return callback(new AddressRefused(), null);
    connect(options, callback);
  };
}
