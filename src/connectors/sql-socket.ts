import { isIP, Socket } from 'node:net';
import { AddressRefused, guardedLookup } from './guarded-lookup.ts';
import { isPrivateAddress } from './private-address.ts';

/** A socket as node-postgres uses one, which reaches public addresses only: no private ones and no path. */
export class GuardedSocket extends Socket {
  override connect(...[port, host]: unknown[]): this {
    if (
      typeof port !== 'number' ||
      typeof host !== 'string' ||
      (isIP(host) !== 0 && isPrivateAddress(host))
    ) {
      return this.destroy(new AddressRefused());
    }
    return super.connect({ port, host, lookup: guardedLookup });
  }
}
