import { homedir, platform } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { parseDuration } from './domain/duration.ts';
import { parseRate, type Rate } from './domain/rate.ts';
import { issueWords, kindsOfArguments } from './domain/schema-issue.ts';
import { SluiceError } from './domain/sluice-error.ts';

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
const onOff = z.enum(['on', 'off', '1', '0']).transform((word) => word === 'on' || word === '1');

/** With its unit: a bare number would be seconds, and somebody who means days would lose them. */
const retention = z
  .string()
  .regex(
    /^(off|(?=.*[1-9])\d+(\.\d+)?(s|m|min|h|d))$/,
    'must be a time with its unit, such as 30d or 12h, or off',
  );

/** Node tries for ever to make a folder in /proc, where the system has none made. */
const folder = z
  .string()
  .min(1)
  .refine((path) => !/^\/proc(\/|$)/.test(resolve(path)), 'must be a folder on a disk, not in /proc');

/** Whether each % begins the code of a character. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

/** Every environment variable Sluice reads, with its default. */
const environment = z.object({
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
    .refine((url) => URL.canParse(url), 'must be a URL such as postgres://user:password@host:5432/database')
    .refine(isDecodable, 'a % in it must be written %25')
    .optional(),
  SLUICE_HOME: folder.optional(),
  SLUICE_FLOWS: folder.optional(),
  SLUICE_FILES: z.string().optional(),
  SLUICE_ALLOW_PRIVATE_HOSTS: onOff.default(false),
  SLUICE_ALLOW_CODE_STEPS: onOff.default(false),
  SLUICE_ALLOW_ENV: z.string().optional(),
  SLUICE_MAX_CONCURRENCY: wholeNumber(1, 1000).default(50),
  SLUICE_MAX_RECORD_BYTES: wholeNumber(1024, 64 * 1024 * 1024).default(1024 * 1024),
  SLUICE_MAX_UPLOAD_BYTES: wholeNumber(1024, 1024 ** 4).default(1024 ** 3),
  SLUICE_UPLOAD_QUOTA_BYTES: wholeNumber(1024, 1024 ** 4).default(10 * 1024 ** 3),
  SLUICE_BACKGROUND: onOff.default(true),
  SLUICE_LEASE_SECONDS: wholeNumber(1, 3600).default(15),
  SLUICE_RETENTION: retention.default('30d'),
  SLUICE_HOST: z.string().min(1).default('127.0.0.1'),
  SLUICE_PORT: wholeNumber(0, 65_535).default(7411),
  SLUICE_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{32,}$/, 'must have 32 characters or more, such as `openssl rand -hex 32` makes')
    .optional(),
  SLUICE_ALLOWED_HOSTS: z.string().optional(),
  SLUICE_ALLOWED_ORIGINS: z.string().optional(),
  SLUICE_MCP_SESSIONS: onOff.default(false),
  SLUICE_RATE_LIMIT: z
    .string()
    .refine((text) => parseRate(text) !== undefined, 'must be records in a time, such as 600/min or 100000/h')
    .transform(parseRate)
    .optional(),
  SLUICE_OAUTH_ISSUER: z.url('must be the URL of the issuer').optional(),
  SLUICE_OAUTH_AUDIENCE: z.string().min(1).optional(),
  SLUICE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).optional(),
});

export interface Config {
  /** undefined: the embedded database under `home`. */
  readonly databaseUrl: string | undefined;
  readonly home: string;
  /** Folder of flow files with `connectors.yaml`. */
  readonly flowsFolder: string;
  readonly secretsFile: string;
  readonly exportsFolder: string;
  readonly uploadsFolder: string;
  /** Folders records may be read from, when the operator named them; undefined: the defaults. */
  readonly fileRoots: readonly string[] | undefined;
  readonly allowPrivateHosts: boolean;
  /** Flows may have steps that run programs of this machine. */
  readonly allowCodeSteps: boolean;
  /** Environment variables that flows may name, when the operator listed them; undefined: any. */
  readonly allowedVariables: readonly string[] | undefined;
  readonly maxConcurrency: number;
  readonly maxRecordBytes: number;
  /** Of one file that is sent over HTTP, or fetched. */
  readonly maxUploadBytes: number;
  /** Of all files that one owner keeps here; the operator has no limit. */
  readonly uploadQuotaBytes: number;
  readonly background: boolean;
  readonly leaseMs: number;
  /** How long payloads and results of finished jobs are kept; undefined: for ever. */
  readonly keepMs: number | undefined;
  readonly logLevel: string;
  readonly http: HttpConfig;
}

/** How Sluice is reached over HTTP. */
export interface HttpConfig {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Opens everything of this machine's own; undefined: there is none. */
  readonly token: string | undefined;
  /** Names the server is called by besides its own, and pages of others that may call it. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** Whose signed tokens are taken, and for whom they have to be issued. */
  readonly oauth: { readonly issuer: string; readonly audience: string } | undefined;
  /** Records that each owner may start; undefined: as many as they like. */
  readonly rateLimit: Rate | undefined;
  /** Clients of `/mcp` have sessions, and are told of changes. */
  readonly mcpSessions: boolean;
  /** A server says who called, unless it is told to be quiet. */
  readonly logLevel: string;
}

/** Postgres keeps its folder in a file of lines, so that no other process would find a server below such a one. */
function homeOf(path: string): string {
  const home = resolve(expandTilde(path));
  if (!/[\r\n]/.test(home)) return home;
  throw new SluiceError(
    'invalid_configuration',
    `SLUICE_HOME: ${JSON.stringify(home.slice(0, 200))} has a line break in it. Choose another folder.`,
  );
}

/**
 * Reads the configuration from the environment.
 *
 * @throws SluiceError `invalid_configuration` naming each wrong variable and the form it may have.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given, { error: (issue) => issueWords(issue, kindsOfArguments) });
  if (!parsed.success) throw invalid(parsed.error.issues);

  const values = parsed.data;
  const home = homeOf(values.SLUICE_HOME ?? defaultHome(env));
  return {
    databaseUrl: values.DATABASE_URL,
    home,
    flowsFolder: resolve(expandTilde(values.SLUICE_FLOWS ?? join(home, 'flows'))),
    secretsFile: join(home, 'secrets.env'),
    exportsFolder: join(home, 'exports'),
    uploadsFolder: join(home, 'uploads'),
    fileRoots: values.SLUICE_FILES?.split(platform() === 'win32' ? ';' : ':')
      .filter((root) => root !== '')
      .map((root) => resolve(expandTilde(root))),
    allowPrivateHosts: values.SLUICE_ALLOW_PRIVATE_HOSTS,
    allowCodeSteps: values.SLUICE_ALLOW_CODE_STEPS,
    allowedVariables: values.SLUICE_ALLOW_ENV === undefined ? undefined : listOf(values.SLUICE_ALLOW_ENV),
    maxConcurrency: values.SLUICE_MAX_CONCURRENCY,
    maxRecordBytes: values.SLUICE_MAX_RECORD_BYTES,
    maxUploadBytes: values.SLUICE_MAX_UPLOAD_BYTES,
    uploadQuotaBytes: values.SLUICE_UPLOAD_QUOTA_BYTES,
    background: values.SLUICE_BACKGROUND,
    leaseMs: values.SLUICE_LEASE_SECONDS * 1000,
    keepMs: values.SLUICE_RETENTION === 'off' ? undefined : parseDuration(values.SLUICE_RETENTION),
    logLevel: values.SLUICE_LOG_LEVEL ?? 'warn',
    http: {
      host: values.SLUICE_HOST,
      port: values.SLUICE_PORT,
      token: values.SLUICE_TOKEN,
      allowedHosts: listOf(values.SLUICE_ALLOWED_HOSTS),
      allowedOrigins: listOf(values.SLUICE_ALLOWED_ORIGINS),
      rateLimit: values.SLUICE_RATE_LIMIT,
      mcpSessions: values.SLUICE_MCP_SESSIONS,
      logLevel: values.SLUICE_LOG_LEVEL ?? 'info',
      oauth: oauthOf(values.SLUICE_OAUTH_ISSUER, values.SLUICE_OAUTH_AUDIENCE),
    },
  };
}

function listOf(text = ''): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function oauthOf(issuer: string | undefined, audience: string | undefined): HttpConfig['oauth'] {
  if (issuer === undefined && audience === undefined) return undefined;
  if (issuer !== undefined && audience !== undefined) return { issuer, audience };
  throw new SluiceError(
    'invalid_configuration',
    'The environment has invalid values.\nSLUICE_OAUTH_ISSUER and SLUICE_OAUTH_AUDIENCE: go together; set both or none',
  );
}

function invalid(issues: readonly z.core.$ZodIssue[]): SluiceError {
  const lines = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return new SluiceError('invalid_configuration', `The environment has invalid values.\n${lines.join('\n')}`);
}

function expandTilde(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/** The platform's place for a program's data. */
function defaultHome(env: NodeJS.ProcessEnv): string {
  if (platform() === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Sluice');
  if (platform() === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Sluice');
  // What is empty or relative counts as not set: XDG Base Directory Specification.
  const { XDG_DATA_HOME: shared = '' } = env;
  return join(isAbsolute(shared) ? shared : join(homedir(), '.local', 'share'), 'sluice');
}
