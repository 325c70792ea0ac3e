import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Where public IPv6 addresses are given out; ipaddr.js calls some of the rest unicast as well. */
const publicIpv6 = ipaddr.parseCIDR('2000::/3');

/** True for every address that is not plainly public: loopback, private, link-local, mapped, reserved, … */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return true;
  const parsed = ipaddr.process(address);
  return parsed.range() !== 'unicast' || (parsed.kind() === 'ipv6' && !parsed.match(publicIpv6));
}

/** True for a host that is an address, or a name that always means this machine, and is not public. */
export function isPrivateHost(hostname: string): boolean {
  const host = withoutBrackets(hostname);
  return isIP(host) === 0 ? /(^|\.)localhost\.?$/i.test(host) : isPrivateAddress(host);
}

/** Of an IPv6 address as it stands in a URL. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
