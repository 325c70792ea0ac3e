import { timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { tokenDigest } from '../operations/access-tokens.ts';
import type { HttpEnvironment, Principal } from './environment.ts';
import { problem, problemOf } from './problem.ts';

/** Finds out who a token speaks for; undefined: nobody. */
export type Verifier = (token: string) => Promise<Principal | undefined>;

export interface Authentication {
  /** The operator's own token; undefined: there is none, and who reaches the server is the operator. */
  readonly token: string | undefined;
  /** Asked in turn about any other token. */
  readonly verifiers: readonly Verifier[];
  /** A token has to be shown. */
  readonly required: boolean;
  /** Where clients learn who issues tokens, for the challenge; undefined: nobody does. */
  readonly metadataUrl?: ((c: Context<HttpEnvironment>) => string) | undefined;
  readonly onUnexpected: (error: unknown, where: string) => void;
}

/** Says who calls, or turns the request away. Tokens come in the header `Authorization: Bearer` only. */
export function authenticate(options: Authentication): MiddlewareHandler<HttpEnvironment> {
  const { token: own, onUnexpected } = options;
  const verifiers = own === undefined ? options.verifiers : [operator(own), ...options.verifiers];
  return async (c, next) => {
    // A ticket has said it.
    if (c.get('principal') !== undefined) return next();
    const header = c.req.header('authorization');
    if (header === undefined && !options.required) {
      c.set('principal', { owner: null });
      return next();
    }
    const token = /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(header ?? '')?.[1];
    try {
      const principal = token === undefined ? undefined : await principalOf(verifiers, token);
      if (principal === undefined) return challenge(c, options, header !== undefined);
      c.set('principal', principal);
    } catch (error) {
      return problemOf(c, error, onUnexpected);
    }
    return next();
  };
}

/** Compares digests, which are of equal length, so that the time it takes tells nothing. */
function operator(own: string): Verifier {
  const expected = Buffer.from(tokenDigest(own));
  return async (token) =>
    timingSafeEqual(expected, Buffer.from(tokenDigest(token))) ? { owner: null } : undefined;
}

async function principalOf(verifiers: readonly Verifier[], token: string): Promise<Principal | undefined> {
  for (const verify of verifiers) {
    const principal = await verify(token);
    if (principal !== undefined) {
      return { holds: async () => (await verify(token)) !== undefined, ...principal };
    }
  }
  return undefined;
}

function challenge(c: Context<HttpEnvironment>, { metadataUrl }: Authentication, given: boolean): Response {
  const words = [
    ...(given ? ['error="invalid_token"'] : []),
    ...(metadataUrl === undefined ? [] : [`resource_metadata="${metadataUrl(c)}"`]),
  ];
  const detail = given
    ? 'The token is not known, has expired or has been revoked.'
    : 'A token is needed: send it as Authorization: Bearer TOKEN.';
  return problem(c, 401, 'unauthorized', detail, {
    'www-authenticate': `Bearer${words.length === 0 ? '' : ` ${words.join(', ')}`}`,
  });
}
