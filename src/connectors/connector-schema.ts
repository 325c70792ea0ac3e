import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { parseRate, type Rate } from '../domain/rate.ts';
import { type BatchOffer, offerProblem, readOffer } from './batch-offer.ts';
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

export const authSchema = z.discriminatedUnion(
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
  const message = urlProblem(text) ?? (/[?#]/.test(text) ? 'must end before any ? or #' : undefined);
  if (message === undefined) {
    const { origin, pathname } = new URL(text);
    return { origin, prefix: pathname.replace(/\/+$/, '') };
  }
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const wholeUrl = z.string().superRefine((text, context) => {
  const message = urlProblem(text) ?? (text.includes('#') ? 'must end before any #' : undefined);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return 'must be a URL that begins with https:// or http://';
  }
  if (url.username !== '' || url.password !== '') return 'must not hold a password; use the auth block';
  return undefined;
}

const timeoutWords = 'must be a duration up to 1h, such as 30s';

/** A duration such as `30s`, in milliseconds. */
export const timeoutSchema = z
  .union([z.string(), z.number()], { error: timeoutWords })
  .transform((text, context): number => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0 && ms <= maxTimeoutMs) return ms;
    context.addIssue({ code: 'custom', message: timeoutWords });
    return z.NEVER;
  });

const rateWords = 'must be calls per time, such as 10/s or 600/min';

/** A rate as it is written. */
export const rateText = z.string().refine((text) => parseRate(text) !== undefined, rateWords);

const rate = z.string().transform((text, context): Rate => {
  const parsed = parseRate(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: rateWords });
  return z.NEVER;
});

const times = (most: number) => {
  const message = `must be a whole number from 1 to ${most}`;
  return z.int(message).min(1, message).max(most, message);
};

const circuit = z.union(
  [
    z.literal(['off', false]).transform(() => 'off' as const),
    z.strictObject({
      failures: times(10_000).optional(),
      auth_failures: times(10_000).optional(),
      probe: timeoutSchema.optional(),
      max_probe: timeoutSchema.optional(),
    }),
  ],
  { error: 'must be off, or a map with failures, auth_failures, probe and max_probe' },
);

const offer = z.string().transform((text, context): BatchOffer => {
  const message = offerProblem(text);
  if (message === undefined) return readOffer(text);
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** What callers of `POST /batch` may do with a connector. */
const batch = z.strictObject({ allow: z.array(offer).max(200, 'must have at most 200 lines') });

/** How calls are made, whatever the kind of target. */
const calls = {
  adaptive: z.boolean().optional(),
  circuit: circuit.optional(),
  retry_lost_answers: z.boolean().optional(),
  timeout: timeoutSchema.optional(),
  allow_private: z.boolean().optional(),
};

const http = z.strictObject({
  type: z.literal('http'),
  base_url: baseUrl,
  auth: authSchema.optional(),
  headers: headers.optional(),
  concurrency: times(1000).optional(),
  rate: rate.optional(),
  batch: batch.optional(),
  ...calls,
});

const sql = z.strictObject({
  type: z.literal('sql'),
  url_env: variable,
  concurrency: times(100).optional(),
  batch: batch.optional(),
  ...calls,
});

const ofCommand = ['args', 'env', 'cwd'] as const;
const ofUrl = ['auth', 'headers', 'allow_private'] as const;

const mcp = z
  .strictObject({
    type: z.literal('mcp'),
    command: z.string().superRefine(checkCommand).optional(),
    args: z.array(z.string().refine(isOneText, 'must not hold a NUL character')).optional(),
    env: z.union([z.array(variable), z.record(variable, variable)]).optional(),
    cwd: z.string().refine(isAbsolute, 'must be an absolute path').optional(),
    url: wholeUrl.optional(),
    auth: authSchema.optional(),
    headers: headers.optional(),
    concurrency: times(1000).optional(),
    rate: rate.optional(),
    ...calls,
  })
  .superRefine((given, context) => {
    const report = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if ((given.command === undefined) === (given.url === undefined)) {
      return report([], 'needs either a command or a url');
    }
    const [owner, foreign] = given.command === undefined ? ['command', ofCommand] : ['url', ofUrl];
    for (const key of foreign) {
      if (given[key] !== undefined) report([key], `belongs to a server with a ${owner}`);
    }
  });

function checkCommand(text: string, context: z.RefinementCtx): void {
  if (text.trim() === '' || !isOneText(text)) {
    context.addIssue({ code: 'custom', message: 'must be the name or the path of a program' });
    return;
  }
  const [program = '', ...rest] = text.trim().split(/\s+/);
  // A path may hold spaces.
  if (rest.length === 0 || /[\\/]/.test(program)) return;
  const suggestion = `write command: ${program} and args: ${JSON.stringify(rest)}`;
  context.addIssue({ code: 'custom', message: 'must be the program alone', params: { suggestion } });
}

function isOneText(text: string): boolean {
  return !text.includes('\0');
}

const webhook = z.strictObject({
  type: z.literal('webhook'),
  url: wholeUrl,
  secret_env: variable.optional(),
  allow_private: z.boolean().optional(),
});

const connector = z.discriminatedUnion('type', [http, sql, mcp, webhook], {
  error: 'must be http, sql, mcp or webhook',
});

const connectorName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'must be a name of letters, digits, -, _ and .')
  .refine((name) => name !== 'echo', 'is the name of the built-in target');

/** What `connectors.yaml` may hold. */
export const connectorsFileSchema = z.record(connectorName, connector);

export type DeclaredConnector = z.output<typeof connector>;
export type DeclaredCalls = z.output<z.ZodObject<typeof calls>>;
export type DeclaredAuth = z.output<typeof authSchema>;
