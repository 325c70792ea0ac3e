/** Names a flow or connectors.yaml may not set: they are the connection's own. */
const ownNames = new Set([
  'host',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
  'proxy-connection',
]);
const credentialNames = new Set(['authorization', 'cookie']);

/** Why a header name cannot be used, or undefined. */
export function headerNameProblem(name: string): string | undefined {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name)) {
    return 'is no header name: letters, digits and - only';
  }
  if (ownNames.has(name.toLowerCase())) return 'is set by Sluice itself';
  if (credentialNames.has(name.toLowerCase())) return 'belongs to the auth block of the connector';
  return undefined;
}

/** True for a value that stays inside its header: printable Latin-1 and tabs. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}
