import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { headerNameProblem, isHeaderValue } from './header-rules.ts';

const maxTimeoutMs = 3_600_000;

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the secret itself');

/** The name of a header that a file may set. */
export const headerNameSchema = z.string().superRefine((name, context) => {
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
  headerNameSchema,
  z.string().refine(isHeaderValue, 'must be one line of Latin-1 characters'),
);

const baseUrl = z.string().transform((text, context): { origin: string; prefix: string } => {
  const message = baseUrlProblem(text);
  if (message === undefined) {
    const { origin, pathname } = new URL(text);
    return { origin, prefix: pathname.replace(/\/+$/, '') };
  }
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

function baseUrlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return 'must be a URL that begins with https:// or http://';
  }
  if (url.username !== '' || url.password !== '') return 'must not hold a password; use the auth block';
  return url.search !== '' || url.hash !== '' ? 'must end before any ? or #' : undefined;
}

/** A duration such as `30s`, in milliseconds. */
export const timeoutSchema = z.union([z.string(), z.number()]).transform((text, context): number => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= maxTimeoutMs) return ms;
  context.addIssue({ code: 'custom', message: 'must be a duration up to 1h, such as 30s' });
  return z.NEVER;
});

/** At most `count` calls in any `windowMs` milliseconds. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

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
      timeout: timeoutSchema.optional(),
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

/** What `connectors.yaml` may hold. */
export const connectorsFileSchema = z.record(connectorName, connector);

export type DeclaredConnector = z.output<typeof connector>;
export type DeclaredAuth = z.output<typeof auth>;
