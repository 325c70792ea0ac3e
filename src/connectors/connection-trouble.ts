/** Why a connection could not be made, or broke, in words of ours. All of it may be over in a moment. */
export function connectionTrouble(
  cause: unknown,
  connector: string,
): { readonly code: string; readonly message: string } {
  if (isUnaskedContinue(cause)) {
    return {
      code: 'response_invalid',
      message: `${connector} said 100 Continue, which it was not asked for, instead of its answer`,
    };
  }
  const known = troubles.find(({ pattern }) => pattern.test(codeOf(cause)));
  if (known !== undefined) return { code: known.code, message: `${connector} ${known.words}` };
  return { code: 'network_error', message: `the connection to ${connector} broke` };
}

/** By the error codes of Node and undici. */
const troubles = [
  // ENOENT: the socket of a server that is not there.
  { pattern: /^(ECONNREFUSED|ENOENT)$/, code: 'connection_refused', words: 'refused the connection' },
  { pattern: /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, code: 'connection_reset', words: 'cut the connection' },
  { pattern: /^ENOTFOUND$/, code: 'dns_not_found', words: 'has a host name that is not known' },
  { pattern: /^EAI_/, code: 'dns_unavailable', words: 'could not be looked up' },
  {
    pattern: /^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/,
    code: 'timeout',
    words: 'could not be reached in time',
  },
  { pattern: /^(EHOSTUNREACH|ENETUNREACH)$/, code: 'host_unreachable', words: 'cannot be reached from here' },
  {
    pattern: /^(HTTPParserError|HPE_|UND_ERR_HEADERS|UND_ERR_RES|UnreadableAnswer)/,
    code: 'response_invalid',
    words: 'sent an answer that cannot be read',
  },
  {
    pattern: /^(DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF))/,
    code: 'tls_error',
    words:
      'has a certificate of an authority that is not known here; NODE_EXTRA_CA_CERTS names a file with those that are to be trusted as well',
  },
  {
    pattern: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    code: 'tls_error',
    words: 'has a certificate that is not valid at this time',
  },
  {
    pattern: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    code: 'tls_error',
    words: 'has a certificate for another host name',
  },
  {
    pattern: /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO)/,
    code: 'tls_error',
    words: 'could not be reached securely (TLS)',
  },
] as const;

/** undici reads no answer behind one. */
const isUnaskedContinue = (cause: unknown) =>
  codeOf(cause) === 'UND_ERR_SOCKET' && cause instanceof Error && cause.message === 'bad response';

/** The code of a system error, or its name. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
