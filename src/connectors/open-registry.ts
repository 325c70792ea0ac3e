import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../domain/sluice-error.ts';
import { type ConnectorSettings, type HttpSettings, parseConnectors } from './connectors-file.ts';
import { credentialsObstacle, credentialsOf, type SecretSource } from './credentials.ts';
import { didYouMean } from './did-you-mean.ts';
import { type FileProblem, formatProblem } from './file-problem.ts';
import type { HttpConnector } from './http.ts';
import { isPrivateHost } from './private-address.ts';
import type { ConnectorRegistry } from './registry.ts';
import { readSecretsFile } from './secrets-file.ts';

export interface RegistryOptions {
  /** The folder with `connectors.yaml`. */
  readonly folder: string;
  /** Where secrets are looked up first. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where they are looked up next: lines of `NAME=value`. */
  readonly secretsFile: string;
  readonly allowPrivateHosts: boolean;
  /** Default: `sluice`. */
  readonly userAgent?: string;
}

/**
 * Reads `connectors.yaml` and opens nothing else: a connection is made by the first call that needs one.
 *
 * Does not reject for a file that is wrong or missing; then each connector has an obstacle.
 */
export async function openRegistry(options: RegistryOptions): Promise<ConnectorRegistry> {
  const file = join(options.folder, 'connectors.yaml');
  // Loaded here and not before: a process that only answers questions never needs an HTTP client.
  const [declared, secrets, { openHttpConnector }] = await Promise.all([
    readConnectors(file),
    readSecretsFile(options.secretsFile),
    import('./http-connector.ts'),
  ]);
  const { connectors, problems } = declared;
  const secretOf: SecretSource = (name) => options.env[name] || secrets.values.get(name);
  const open = new Map<string, ReturnType<typeof openHttpConnector>>();

  const obstacle = (name: string): string | undefined => {
    if (problems.length > 0) {
      return `connectors.yaml has problems:\n${problems.map(formatProblem).join('\n')}`;
    }
    const settings = connectors.get(name);
    if (settings === undefined) return undeclared(name, connectors, file);
    if (settings.type !== 'http') {
      return `The connector ${name} has the type ${settings.type}, which is not available yet.`;
    }
    return (
      hostObstacle(settings, options.allowPrivateHosts) ?? secretObstacle(settings, secretOf, secrets.problem)
    );
  };

  const http = (name: string): HttpConnector => {
    const known = open.get(name);
    if (known !== undefined) return known;
    const problem = obstacle(name);
    const settings = connectors.get(name);
    if (problem !== undefined || settings?.type !== 'http') {
      throw new SluiceError('connector_invalid', problem ?? `The connector ${name} is not of the type http.`);
    }
    const connector = openHttpConnector({
      settings,
      userAgent: options.userAgent ?? 'sluice',
      allowPrivateHosts: options.allowPrivateHosts,
      ...(settings.auth === undefined ? {} : { credentials: credentialsOf(settings.auth, secretOf) }),
    });
    open.set(name, connector);
    return connector;
  };

  return {
    names: [...connectors.keys()].sort(),
    http,
    obstacle,
    async close() {
      await Promise.all([...open.values()].map((connector) => connector.close()));
      open.clear();
    },
  };
}

/** Everything wrong with a `connectors.yaml`; a file that is not there has no problem. */
export async function checkConnectors(folder: string): Promise<readonly FileProblem[]> {
  return (await readConnectors(join(folder, 'connectors.yaml'))).problems;
}

interface Declared {
  readonly connectors: ReadonlyMap<string, ConnectorSettings>;
  readonly problems: readonly FileProblem[];
}

async function readConnectors(file: string): Promise<Declared> {
  const none = new Map<string, ConnectorSettings>();
  try {
    const parsed = parseConnectors(await readFile(file, 'utf8'), file);
    return 'problems' in parsed
      ? { connectors: none, problems: parsed.problems }
      : { ...parsed, problems: [] };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    const problems =
      code === 'ENOENT' ? [] : [{ file, line: 1, column: 1, message: `cannot be read (${code})` }];
    return { connectors: none, problems };
  }
}

function undeclared(name: string, connectors: ReadonlyMap<string, ConnectorSettings>, file: string): string {
  const advice = didYouMean(name, connectors.keys()) ?? 'the file declares none, or is not there';
  return `No connector is named ${name} in ${file}: ${advice}`;
}

function hostObstacle(settings: HttpSettings, allowPrivateHosts: boolean): string | undefined {
  if (settings.allowPrivate || allowPrivateHosts || !isPrivateHost(new URL(settings.origin).hostname)) {
    return undefined;
  }
  return `The connector ${settings.name} leads to an address that is not public. If that is meant, set allow_private: true in connectors.yaml.`;
}

function secretObstacle(
  settings: HttpSettings,
  secretOf: SecretSource,
  problem?: string,
): string | undefined {
  if (settings.auth === undefined) return undefined;
  const obstacle = credentialsObstacle(settings.auth, secretOf);
  if (obstacle === undefined) return undefined;
  const advice = problem ?? 'Set it in the environment or in secrets.env.';
  return `The connector ${settings.name} ${obstacle}. ${advice}`;
}
