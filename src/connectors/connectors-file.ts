import type { Rate } from '../domain/rate.ts';
import type { BatchOffer } from './batch-offer.ts';
import { type CircuitSettings, defaultCircuit } from './circuit.ts';
import {
  connectorsFileSchema,
  type DeclaredAuth,
  type DeclaredCalls,
  type DeclaredConnector,
} from './connector-schema.ts';
import type { AuthSettings } from './credentials.ts';
import { type FileProblem, sortProblems } from './file-problem.ts';
import { checkShape } from './file-shape.ts';
import type { McpSettings } from './mcp-settings.ts';
import { readYaml } from './yaml-file.ts';

/** How calls are made, whatever the kind of target. */
export interface CallSettings {
  /** Total time of one call, in milliseconds. */
  readonly timeoutMs: number;
  /** false: the number of calls at once stays the same, whatever the target says of its load. */
  readonly adaptive?: false;
  /** When jobs that use it are paused; default: as usual. */
  readonly circuit?: CircuitSettings | 'off';
  /** false: a write whose answer was lost is left to a person. */
  readonly retryLostAnswers?: false;
}

export interface HttpSettings extends CallSettings {
  readonly type: 'http';
  readonly name: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path of the base URL without a slash at its end; often empty. */
  readonly prefix: string;
  /** False: a `url` leads there, and no connector. */
  readonly isDeclared?: false;
  readonly auth?: AuthSettings;
  readonly headers: Readonly<Record<string, string>>;
  /** Calls at once; undefined: no limit of its own. */
  readonly concurrency?: number;
  readonly rate?: Rate;
  /** What callers of `POST /batch` may do with it. */
  readonly offers?: readonly BatchOffer[];
  readonly allowPrivate: boolean;
}

/** A Postgres database. */
export interface SqlSettings extends CallSettings {
  readonly type: 'sql';
  readonly name: string;
  /** Name of the variable that holds the `postgres://` URL, password and all. */
  readonly urlEnv: string;
  /** Connections at once. */
  readonly concurrency: number;
  /** What callers of `POST /batch` may do with it. */
  readonly offers?: readonly BatchOffer[];
  readonly allowPrivate: boolean;
}

/** Where callbacks go. */
export interface WebhookSettings {
  readonly type: 'webhook';
  readonly name: string;
  readonly url: string;
  /** Name of the variable that holds the secret they are signed with. */
  readonly secretEnv?: string;
  readonly allowPrivate: boolean;
}

export type ConnectorSettings = HttpSettings | SqlSettings | McpSettings | WebhookSettings;

const defaultTimeoutMs = 30_000;
/** Tools take longer than calls. */
const defaultToolTimeoutMs = 60_000;

/** Reads the text of `connectors.yaml`. Never throws: everything that is wrong comes back at once. */
export function parseConnectors(
  text: string,
  file: string,
): { connectors: ReadonlyMap<string, ConnectorSettings> } | { problems: FileProblem[] } {
  const read = readYaml(text, file);
  if ('problems' in read) return read;
  // A file of comments only declares nothing.
  if (read.yaml.value === null) return { connectors: new Map() };

  const shape = checkShape(read.yaml, connectorsFileSchema);
  if ('problems' in shape) return { problems: sortProblems(shape.problems) };

  const entries = Object.entries(shape.data);
  return { connectors: new Map(entries.map(([name, declared]) => [name, settingsOf(name, declared)])) };
}

function settingsOf(name: string, declared: DeclaredConnector): ConnectorSettings {
  switch (declared.type) {
    case 'http':
      return { ...httpSettings(declared), name };
    case 'sql':
      return {
        type: 'sql',
        name,
        urlEnv: declared.url_env,
        concurrency: declared.concurrency ?? 5,
        ...callSettings(declared, defaultTimeoutMs),
        allowPrivate: declared.allow_private ?? false,
        ...(declared.batch === undefined ? {} : { offers: declared.batch.allow }),
      };
    case 'mcp':
      return { ...mcpSettings(declared), name };
    case 'webhook':
      return {
        type: 'webhook',
        name,
        url: declared.url,
        allowPrivate: declared.allow_private ?? false,
        ...(declared.secret_env === undefined ? {} : { secretEnv: declared.secret_env }),
      };
  }
}

type Declared<Type extends string> = Extract<DeclaredConnector, { type: Type }>;

function httpSettings(declared: Declared<'http'>): Omit<HttpSettings, 'name'> {
  return {
    type: 'http',
    ...declared.base_url,
    headers: declared.headers ?? {},
    ...callSettings(declared, defaultTimeoutMs),
    allowPrivate: declared.allow_private ?? false,
    ...(declared.auth === undefined ? {} : { auth: authOf(declared.auth) }),
    ...(declared.concurrency === undefined ? {} : { concurrency: declared.concurrency }),
    ...(declared.rate === undefined ? {} : { rate: declared.rate }),
    ...(declared.batch === undefined ? {} : { offers: declared.batch.allow }),
  };
}

function mcpSettings(declared: Declared<'mcp'>) {
  const { command, args = [], env = {}, cwd, url = '', auth, headers = {}, allow_private = false } = declared;
  const limits = {
    type: 'mcp',
    ...callSettings(declared, defaultToolTimeoutMs),
    concurrency: declared.concurrency ?? 10,
    ...(declared.rate === undefined ? {} : { rate: declared.rate }),
  } as const;
  if (command !== undefined) {
    const variables = Array.isArray(env) ? Object.fromEntries(env.map((name) => [name, name])) : env;
    return { ...limits, command, args, env: variables, ...(cwd === undefined ? {} : { cwd }) };
  }
  return {
    ...limits,
    url,
    headers,
    allowPrivate: allow_private,
    ...(auth === undefined ? {} : { auth: authOf(auth) }),
  };
}

function callSettings(
  { timeout, adaptive, circuit, retry_lost_answers }: DeclaredCalls,
  defaultMs: number,
): CallSettings {
  return {
    timeoutMs: timeout ?? defaultMs,
    ...(adaptive === false ? { adaptive } : {}),
    ...(circuit === undefined ? {} : { circuit: circuitOf(circuit) }),
    ...(retry_lost_answers === false ? { retryLostAnswers: retry_lost_answers } : {}),
  };
}

function circuitOf(declared: NonNullable<DeclaredCalls['circuit']>): CircuitSettings | 'off' {
  if (declared === 'off') return declared;
  const firstProbeMs = declared.probe ?? defaultCircuit.firstProbeMs;
  return {
    failures: declared.failures ?? defaultCircuit.failures,
    authFailures: declared.auth_failures ?? defaultCircuit.authFailures,
    firstProbeMs,
    longestProbeMs: Math.max(firstProbeMs, declared.max_probe ?? defaultCircuit.longestProbeMs),
  };
}

export function authOf(declared: DeclaredAuth): AuthSettings {
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
