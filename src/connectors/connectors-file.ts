import {
  connectorsFileSchema,
  type DeclaredAuth,
  type DeclaredConnector,
  type Rate,
} from './connector-schema.ts';
import { type FileProblem, sortProblems } from './file-problem.ts';
import { checkShape } from './file-shape.ts';
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

function authOf(declared: DeclaredAuth): AuthSettings {
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
