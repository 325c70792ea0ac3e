import type { Context, Hono } from 'hono';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Verifier } from './authenticate.ts';
import type { HttpEnvironment } from './environment.ts';

/** An authorization server of somebody else, and the name under which tokens for this server are issued. */
export interface OAuth {
  readonly issuer: string;
  readonly audience: string;
}

/** Says where clients get their tokens, as RFC 9728 has it. Open to everybody. */
const metadataPath = '/.well-known/oauth-protected-resource';

/** How long the issuer gets to tell its keys, in milliseconds. */
const patienceMs = 5000;
/** Only signatures with keys the issuer publishes; never `none`, never a shared secret. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
/** Of the claims that RFC 9068 requires, the one without which a token would be good for ever. */
const requiredClaims = ['exp'];

export function serveMetadata(app: Hono<HttpEnvironment>, { issuer, audience }: OAuth): void {
  for (const path of [metadataPath, `${metadataPath}/mcp`]) {
    app.get(path, (c) =>
      c.json({
        resource: audience,
        authorization_servers: [issuer],
        bearer_methods_supported: ['header'],
        resource_name: 'Sluice',
      }),
    );
  }
}

export const metadataUrl = (c: Context) => new URL(metadataPath, c.req.url).href;

/**
 * Takes tokens (RFC 9068) that the issuer has signed for this server: signature, issuer, audience and time are
 * checked, and the subject is the owner.
 */
export function oauthVerifier({ issuer, audience }: OAuth): Verifier {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  return async (token) => {
    if (token.split('.').length !== 3) return undefined;
    keys ??= findKeys(issuer);
    try {
      const { payload } = await jwtVerify(token, await keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims,
      });
      const owner = ownerOf(payload);
      return owner === undefined ? undefined : { owner };
    } catch (error) {
      if (error instanceof errors.JOSEError && !isOutage(error)) return undefined;
      // The next call asks the issuer again.
      keys = undefined;
      throw new SluiceError(
        'issuer_unavailable',
        'The server that issues tokens does not answer, so that yours cannot be checked. Try again in a few seconds.',
        { cause: error },
      );
    }
  };
}

/** The keys could not be fetched, which says nothing about the token. */
const isOutage = ({ code }: errors.JOSEError) =>
  code === 'ERR_JWKS_TIMEOUT' || code === 'ERR_JOSE_GENERIC' || code === 'ERR_JWKS_INVALID';

/** A subject is unique only with its issuer, and must not be taken for an owner that a local token names. */
function ownerOf({ iss, sub }: JWTPayload): string | undefined {
  return sub === undefined || sub === '' || sub.length > 200 ? undefined : `${sub}@${iss}`;
}

/** From the issuer's own metadata: RFC 8414, else OpenID Connect Discovery. */
async function findKeys(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const base = issuer.replace(/\/$/, '');
  for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']) {
    const response = await fetch(`${base}${path}`, {
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!response.ok) continue;
    const found = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
    if (found.issuer !== issuer || typeof found.jwks_uri !== 'string') continue;
    return createRemoteJWKSet(new URL(found.jwks_uri), { timeoutDuration: patienceMs });
  }
  throw new Error('the issuer does not say where its keys are');
}
