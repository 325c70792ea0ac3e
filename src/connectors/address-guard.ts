import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { isPrivateAddress, withoutBrackets } from './private-address.ts';

const connectTimeoutMs = 5_000;

/** A connection was refused because its address is not a public one. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

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

/** Looks a name up, and refuses it when one of its addresses is not public. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return callback(error, '', 0);
    const [first] = addresses;
    if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address))) {
      return callback(new AddressRefused(), '', 0);
    }
    if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
