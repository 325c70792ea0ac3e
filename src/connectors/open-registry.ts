import { SluiceError } from '../domain/sluice-error.ts';
import { connectorObstacle, type Means, targetOf } from './connector-obstacle.ts';
import type { ConnectorSettings, HttpSettings } from './connectors-file.ts';
import { credentialsOf } from './credentials.ts';
import { type Declared, notDeclared, readConnectors } from './declared-connectors.ts';
import type { FileProblem } from './file-problem.ts';
import type { HttpConnector } from './http.ts';
import type { McpConnector } from './mcp.ts';
import { type OpenOrigins, openOrigins } from './open-origins.ts';
import { type OpenedLate, openedLate } from './opened-late.ts';
import type { Programs } from './programs.ts';
import type { ConnectorListing, ConnectorRegistry, ConnectorType } from './registry.ts';
import { Secret } from './secret.ts';
import { readSecretsFile } from './secrets-file.ts';
import type { SqlConnector } from './sql.ts';

/** Connections to hosts that no connector declares; each host has a pool of its own. */
const maxOrigins = 200;
const originTimeoutMs = 30_000;

export interface RegistryOptions {
  /** The folder with `connectors.yaml`. */
  readonly folder: string;
  /** Where secrets are looked up first. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where they are looked up next: lines of `NAME=value`. */
  readonly secretsFile: string;
  readonly allowPrivateHosts: boolean;
  /** Of Sluice, which targets get to see. */
  readonly version?: string;
}

/**
 * Reads `connectors.yaml` and opens nothing else: a connection is made by the first call that needs one.
 *
 * Does not reject for a file that is wrong or missing; then each connector has an obstacle.
 */
export async function openRegistry(options: RegistryOptions): Promise<ConnectorRegistry> {
  // Loaded here and not before: a process that only answers questions never needs an HTTP client. The
  // clients for databases and MCP servers wait for the first call.
  const [declared, secrets, { openHttpConnector }] = await Promise.all([
    readConnectors(options.folder),
    readSecretsFile(options.secretsFile),
    import('./http-connector.ts'),
  ]);
  const means: Means = {
    secretOf: (name) => options.env[name] || secrets.values.get(name),
    secretsProblem: secrets.problem,
    allowPrivateHosts: options.allowPrivateHosts,
  };
  return new OpenRegistry(declared, means, options.version, openHttpConnector);
}

type OpenHttp = typeof import('./http-connector.ts').openHttpConnector;
type SettingsOf<Type extends ConnectorType> = Extract<ConnectorSettings, { type: Type }>;

class OpenRegistry implements ConnectorRegistry {
  readonly #declared: Declared;
  readonly #means: Means;
  readonly #version: string | undefined;
  readonly #openHttp: OpenHttp;
  readonly #http = new Map<string, ReturnType<OpenHttp>>();
  readonly #sql = new Map<string, SqlConnector>();
  readonly #mcp = new Map<string, McpConnector>();
  readonly #late: OpenedLate<{ close(): Promise<void> }>[] = [];
  readonly #origins: OpenOrigins;
  readonly programs: Programs;

  constructor(declared: Declared, means: Means, version: string | undefined, openHttp: OpenHttp) {
    this.#declared = declared;
    this.#means = means;
    this.#version = version;
    this.#openHttp = openHttp;
    this.#origins = openOrigins((origin) => this.#openOrigin(origin), maxOrigins);
    const programs = this.#openLate(async () => (await import('./programs/open-programs.ts')).openPrograms());
    this.programs = {
      run: async (command) => (await programs.get()).run(command),
      python: async (run) => (await programs.get()).python(run),
      close: () => programs.close(),
    };
  }

  get listings(): readonly ConnectorListing[] {
    return [...this.#declared.connectors.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((settings) => ({
        name: settings.name,
        type: settings.type,
        target: targetOf(settings, this.#means),
        obstacle: connectorObstacle(settings, this.#means),
      }));
  }

  obstacle(name: string, type: ConnectorType): string | undefined {
    const settings = this.#declared.connectors.get(name);
    if (settings === undefined) return notDeclared(name, this.#declared);
    if (settings.type !== type) {
      return `The connector ${name} has the type ${settings.type}; the flow uses it as ${type}.`;
    }
    return connectorObstacle(settings, this.#means);
  }

  http(name: string): HttpConnector {
    return kept(this.#http, name, () => this.#connectHttp(this.#settings(name, 'http')));
  }

  httpAt(origin: string): HttpConnector {
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      throw new SluiceError(
        'connector_invalid',
        'An origin begins with https:// or http:// and names a host.',
      );
    }
    return this.#origins.at(url.origin);
  }

  sql(name: string): SqlConnector {
    return kept(this.#sql, name, () => {
      const settings = this.#settings(name, 'sql');
      const opened = this.#openLate(async () => {
        const { openSqlConnector } = await import('./sql-connector.ts');
        const { secretOf, allowPrivateHosts } = this.#means;
        return openSqlConnector({
          settings,
          url: new Secret(secretOf(settings.urlEnv) ?? ''),
          allowPrivateHosts,
        });
      });
      return { name, run: async (statement) => (await opened.get()).run(statement) };
    });
  }

  mcp(name: string): McpConnector {
    return kept(this.#mcp, name, () => {
      const settings = this.#settings(name, 'mcp');
      const opened = this.#openLate(async () => {
        const { openMcpConnector } = await import('./mcp-connector.ts');
        return openMcpConnector({
          settings,
          variable: (variable) => this.variable(variable),
          allowPrivateHosts: this.#means.allowPrivateHosts,
          clientVersion: this.#version ?? '0',
          ...this.#credentialsOf(settings),
        });
      });
      return { name, call: async (call) => (await opened.get()).call(call) };
    });
  }

  variable(name: string): Secret | undefined {
    const value = this.#means.secretOf(name);
    return value === undefined ? undefined : new Secret(value);
  }

  async close(): Promise<void> {
    const http = [...this.#http.values()];
    this.#http.clear();
    await Promise.all([...http, ...this.#late, this.#origins].map((opened) => opened.close()));
  }

  #settings<Type extends ConnectorType>(name: string, type: Type): SettingsOf<Type> {
    const problem = this.obstacle(name, type);
    if (problem !== undefined) throw new SluiceError('connector_invalid', problem);
    return this.#declared.connectors.get(name) as SettingsOf<Type>;
  }

  #connectHttp(settings: HttpSettings): ReturnType<OpenHttp> {
    return this.#openHttp({
      settings,
      userAgent: this.#version === undefined ? 'sluice' : `sluice/${this.#version}`,
      allowPrivateHosts: this.#means.allowPrivateHosts,
      ...this.#credentialsOf(settings),
    });
  }

  #openOrigin(origin: string): ReturnType<OpenHttp> {
    const { host } = new URL(origin);
    return this.#connectHttp({
      type: 'http',
      name: host,
      origin,
      prefix: '',
      headers: {},
      timeoutMs: originTimeoutMs,
      allowPrivate: false,
    });
  }

  #credentialsOf(settings: HttpSettings | SettingsOf<'mcp'>) {
    if (!('auth' in settings) || settings.auth === undefined) return {};
    return { credentials: credentialsOf(settings.auth, this.#means.secretOf) };
  }

  #openLate<T extends { close(): Promise<void> }>(open: () => Promise<T>): OpenedLate<T> {
    const late = openedLate(open);
    this.#late.push(late);
    return late;
  }
}

function kept<T>(known: Map<string, T>, name: string, open: () => T): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const opened = open();
  known.set(name, opened);
  return opened;
}

/** Everything wrong with a `connectors.yaml`; a file that is not there has no problem. */
export async function checkConnectors(folder: string): Promise<readonly FileProblem[]> {
  return (await readConnectors(folder)).problems;
}
