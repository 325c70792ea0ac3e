import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import type { FileProblem } from './file-problem.ts';
import { sortProblems } from './file-problem.ts';
import { checkShape } from './file-shape.ts';
import { headerNameProblem, isHeaderValue } from './header-rules.ts';
import { readYaml } from './yaml-file.ts';

/** How a connector shows who it is. Secrets are named, never written. */
export type AuthSettings =
  | { readonly type: 'bearer'; readonly tokenEnv: string }
  | {
      readonly type: 'basic';
      readonly username: string | { readonly env: string };
      readonly passwordEnv: string;
    }
  | { readonly type: 'header'; readonly header: string; readonly valueEnv: string };

/** At most `count` calls in any `windowMs` milliseconds. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

export interface HttpSettings {
  readonly type: 'http';
  readonly name: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path of the base URL without a slash at its end; often empty. */
  readonly prefix: string;
  readonly auth?: AuthSettings;
  readonly headers: Readonly<Record<string, string>>;
  /** Calls at once; undefined: no limit of its own. */
  readonly concurrency?: number;
  readonly rate?: Rate;
  /** Total time of one call, in milliseconds. */
  readonly timeoutMs: number;
  readonly allowPrivate: boolean;
}

/** Declared, but of a type that no flow can use yet. */
export interface LaterSettings {
  readonly type: 'sql' | 'mcp' | 'webhook';
  readonly name: string;
}

export type ConnectorSettings = HttpSettings | LaterSettings;

const defaultTimeoutMs = 30_000;
const maxTimeoutMs = 3_600_000;

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the secret itself');

const headerName = z.string().superRefine((name, context) => {
  const message = headerNameProblem(name);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function checkAuthHeader(name: string, context: z.RefinementCtx): void {
  const message = /^(authorization|cookie)$/i.test(name) ? undefined : headerNameProblem(name);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
}

const auth = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('bearer'), token_env: variable }),
    z
      .strictObject({
        type: z.literal('basic'),
        username: z.string().optional(),
        username_env: variable.optional(),
        password_env: variable,
      })
      .refine(
        ({ username, username_env }) => (username === undefined) !== (username_env === undefined),
        'needs either username or username_env',
      ),
    z.strictObject({
      type: z.literal('header'),
      header: z.string().superRefine(checkAuthHeader),
      value_env: variable,
    }),
  ],
  { error: 'must be bearer, basic or header' },
);

const headers = z.record(
  headerName,
  z.string().refine(isHeaderValue, 'must be one line of Latin-1 characters'),
);

const baseUrl = z.string().transform((text, context): { origin: string; prefix: string } => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const message =
    url === undefined || !/^https?:$/.test(url.protocol)
      ? 'must be a URL that begins with https:// or http://'
      : url.username !== '' || url.password !== ''
        ? 'must not hold a password; use the auth block'
        : url.search !== '' || url.hash !== ''
          ? 'must end before any ? or #'
          : undefined;
  if (url !== undefined && message === undefined) {
    return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') };
  }
  context.addIssue({ code: 'custom', message: message ?? '' });
  return z.NEVER;
});

/** A duration such as `30s`, in milliseconds. */
export const timeout = z.union([z.string(), z.number()]).transform((text, context): number => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= maxTimeoutMs) return ms;
  context.addIssue({ code: 'custom', message: 'must be a duration up to 1h, such as 30s' });
  return z.NEVER;
});

const windows = { s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000 } as const;

const rate = z.string().transform((text, context): Rate => {
  const match = /^(\d{1,6})\s*\/\s*(s|sec|m|min|h)$/.exec(text.trim());
  const count = Number(match?.[1]);
  if (match !== null && count > 0) return { count, windowMs: windows[match[2] as keyof typeof windows] };
  context.addIssue({ code: 'custom', message: 'must be calls per time, such as 10/s or 600/min' });
  return z.NEVER;
});

const callsAtOnce = 'must be a whole number from 1 to 1000';

const connector = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      type: z.literal('http'),
      base_url: baseUrl,
      auth: auth.optional(),
      headers: headers.optional(),
      concurrency: z.int(callsAtOnce).min(1, callsAtOnce).max(1000, callsAtOnce).optional(),
      rate: rate.optional(),
      timeout: timeout.optional(),
      allow_private: z.boolean().optional(),
    }),
    z.looseObject({ type: z.literal('sql') }),
    z.looseObject({ type: z.literal('mcp') }),
    z.looseObject({ type: z.literal('webhook') }),
  ],
  { error: 'must be http' },
);

const connectorName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'must be a name of letters, digits, -, _ and .')
  .refine((name) => name !== 'echo', 'is the name of the built-in target');

const connectorsFile = z.record(connectorName, connector);

/** Reads the text of `connectors.yaml`. Never throws: everything that is wrong comes back at once. */
export function parseConnectors(
  text: string,
  file: string,
): { connectors: ReadonlyMap<string, ConnectorSettings> } | { problems: FileProblem[] } {
  const read = readYaml(text, file);
  if ('problems' in read) return read;
  // A file of comments only declares nothing.
  if (read.yaml.value === null) return { connectors: new Map() };

  const shape = checkShape(read.yaml, connectorsFile);
  if ('problems' in shape) return { problems: sortProblems(shape.problems) };

  const entries = Object.entries(shape.data);
  return { connectors: new Map(entries.map(([name, declared]) => [name, settingsOf(name, declared)])) };
}

function settingsOf(name: string, declared: z.output<typeof connector>): ConnectorSettings {
  if (declared.type !== 'http') return { type: declared.type, name };
  return {
    type: 'http',
    name,
    ...declared.base_url,
    headers: declared.headers ?? {},
    timeoutMs: declared.timeout ?? defaultTimeoutMs,
    allowPrivate: declared.allow_private ?? false,
    ...(declared.auth === undefined ? {} : { auth: authOf(declared.auth) }),
    ...(declared.concurrency === undefined ? {} : { concurrency: declared.concurrency }),
    ...(declared.rate === undefined ? {} : { rate: declared.rate }),
  };
}

function authOf(declared: z.output<typeof auth>): AuthSettings {
  switch (declared.type) {
    case 'bearer':
      return { type: 'bearer', tokenEnv: declared.token_env };
    case 'basic': {
      const { username, username_env, password_env } = declared;
      return { type: 'basic', username: username ?? { env: username_env ?? '' }, passwordEnv: password_env };
    }
    case 'header':
      return { type: 'header', header: declared.header, valueEnv: declared.value_env };
  }
}
