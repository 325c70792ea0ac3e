import { isHeaderValue } from './header-rules.ts';
import { Secret } from './secret.ts';

/** How a connector shows who it is. Secrets are named, never written. */
export type AuthSettings =
  | { readonly type: 'bearer'; readonly tokenEnv: string }
  | {
      readonly type: 'basic';
      readonly username: string | { readonly env: string };
      readonly passwordEnv: string;
    }
  | { readonly type: 'header'; readonly header: string; readonly valueEnv: string };

/** Finds the value of a secret by the name of its variable; undefined when it is unset or empty. */
export type SecretSource = (name: string) => string | undefined;

/** The header that shows who we are, and every secret inside it. */
export interface Credentials {
  readonly header: string;
  readonly value: Secret;
  readonly secrets: readonly Secret[];
}

/** The names of the variables an auth block needs. */
export function variablesOf(auth: AuthSettings): readonly string[] {
  switch (auth.type) {
    case 'bearer':
      return [auth.tokenEnv];
    case 'basic':
      return typeof auth.username === 'string' ? [auth.passwordEnv] : [auth.username.env, auth.passwordEnv];
    case 'header':
      return [auth.valueEnv];
  }
}

/** Which of these variables are not set, as a clause: `needs A and B, which are not set`; undefined: all are. */
export function unsetVariables(names: readonly string[], source: SecretSource): string | undefined {
  const unset = [...new Set(names)].filter((name) => source(name) === undefined);
  if (unset.length === 0) return undefined;
  return `needs ${unset.join(' and ')}, which ${unset.length > 1 ? 'are' : 'is'} not set`;
}

/** What stands in the way of using an auth block, as a clause; undefined when nothing does. */
export function credentialsObstacle(auth: AuthSettings, source: SecretSource): string | undefined {
  const unset = unsetVariables(variablesOf(auth), source);
  if (unset !== undefined) return unset;
  const broken = variablesOf(auth).find((name) => !isHeaderValue(source(name) ?? ''));
  return broken === undefined ? undefined : `cannot send ${broken}: it is not one line of Latin-1 characters`;
}

/** Resolves an auth block that has no obstacle. */
export function credentialsOf(auth: AuthSettings, source: SecretSource): Credentials {
  const revealed = (name: string) => source(name) ?? '';
  switch (auth.type) {
    case 'bearer': {
      const token = new Secret(revealed(auth.tokenEnv));
      return { header: 'authorization', value: new Secret(`Bearer ${token.reveal()}`), secrets: [token] };
    }
    case 'basic': {
      const username = typeof auth.username === 'string' ? auth.username : revealed(auth.username.env);
      const password = new Secret(revealed(auth.passwordEnv));
      const pair = new Secret(Buffer.from(`${username}:${password.reveal()}`).toString('base64'));
      return {
        header: 'authorization',
        value: new Secret(`Basic ${pair.reveal()}`),
        secrets: [password, pair],
      };
    }
    case 'header': {
      const value = new Secret(revealed(auth.valueEnv));
      return { header: auth.header.toLowerCase(), value, secrets: [value] };
    }
  }
}
