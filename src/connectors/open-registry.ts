import { SluiceError } from '../domain/sluice-error.ts';
import type { Throttle } from '../domain/throttle.ts';
import { connectorOver } from './base-url.ts';
import type { CallLimits, Share } from './call-limits.ts';
import { type CallPlan, callPlanOf } from './call-plan.ts';
import { type CircuitSettings, defaultCircuit } from './circuit.ts';
import { ConnectorLimits } from './connector-limits.ts';
import { connectorObstacle, type Means, targetOf } from './connector-obstacle.ts';
import type { ConnectorSettings, HttpSettings } from './connectors-file.ts';
import { type Declared, notDeclared, readConnectors } from './declared-connectors.ts';
import type { FileProblem } from './file-problem.ts';
import type { HttpConnector } from './http.ts';
import type { HttpConnectorOptions } from './http-connector.ts';
import type { HttpFiles } from './http-files.ts';
import {
  credentialsIn,
  openMcp,
  openSql,
  openWebhook,
  type Surroundings,
  secretIn,
  userAgentOf,
} from './late-connectors.ts';
import type { McpConnector } from './mcp.ts';
import { type OpenOrigins, openOrigins } from './open-origins.ts';
import { type OpenedLate, openedLate } from './opened-late.ts';
import type { Programs } from './programs.ts';
import type { UsedRate } from './rate-window.ts';
import type { ConnectorListing, ConnectorRegistry, ConnectorType } from './registry.ts';
import type { Secret } from './secret.ts';
import { readSecretsFile } from './secrets-file.ts';
import type { SqlConnector } from './sql.ts';
import type { WebhookConnector } from './webhook.ts';

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
  /** What is left of connectors' limits, by name, when a registry takes the place of another; default: all. */
  readonly limits?: Map<string, CallLimits>;
}

/**
 * Reads `connectors.yaml` and opens nothing else: a connection is made by the first call that needs one.
 *
 * Does not reject for a file that is wrong or missing; then each connector has an obstacle.
 */
export async function openRegistry(options: RegistryOptions): Promise<ConnectorRegistry> {
  // Loaded here and not before: a process that only answers questions never needs an HTTP client. The
  // clients for databases and MCP servers wait for the first call.
  const [declared, secrets, { openHttpConnector }, { tracedHttp }] = await Promise.all([
    readConnectors(options.folder),
    readSecretsFile(options.secretsFile),
    import('./http-connector.ts'),
    import('./traced-connectors.ts'),
  ]);
  const means: Means = {
    secretOf: (name) => options.env[name] || secrets.values.get(name),
    secretsProblem: secrets.problem,
    allowPrivateHosts: options.allowPrivateHosts,
  };
  const openHttp: OpenHttp = (opening) => tracedHttp(openHttpConnector(opening));
  return new OpenRegistry({ ...options, declared, means, openHttp });
}

type OpenHttp = typeof import('./http-connector.ts').openHttpConnector;
type SettingsOf<Type extends ConnectorType> = Extract<ConnectorSettings, { type: Type }>;

interface Parts extends Pick<RegistryOptions, 'version' | 'limits'> {
  readonly declared: Declared;
  readonly means: Means;
  readonly openHttp: OpenHttp;
}

class OpenRegistry implements ConnectorRegistry {
  readonly #declared: Declared;
  readonly #surroundings: Surroundings;
  readonly #openHttp: OpenHttp;
  readonly #limits: ConnectorLimits;
  readonly #http = new Map<string, ReturnType<OpenHttp>>();
  readonly #sql = new Map<string, SqlConnector>();
  readonly #mcp = new Map<string, McpConnector>();
  readonly #webhooks = new Map<string, WebhookConnector>();
  readonly #late: OpenedLate<{ close(): Promise<void> }>[] = [];
  readonly #origins: OpenOrigins;
  readonly programs: Programs;

  constructor({ declared, means, version, openHttp, limits = new Map() }: Parts) {
    this.#declared = declared;
    this.#surroundings = { means, version };
    this.#openHttp = openHttp;
    this.#limits = new ConnectorLimits(declared.connectors.values(), limits);
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
        target: targetOf(settings, this.#surroundings.means),
        obstacle: connectorObstacle(settings, this.#surroundings.means),
      }));
  }

  obstacle(name: string, type: ConnectorType): string | undefined {
    const settings = this.#declared.connectors.get(name);
    if (settings === undefined) return notDeclared(name, this.#declared);
    if (settings.type !== type) {
      return `The connector ${name} has the type ${settings.type}; the flow uses it as ${type}.`;
    }
    return connectorObstacle(settings, this.#surroundings.means);
  }

  http(name: string): HttpConnector {
    return kept(this.#http, name, () => {
      const settings = this.#settings(name, 'http');
      return this.#connectHttp(settings, this.#limits.of(settings));
    });
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

  filesOver(url: URL): HttpFiles {
    const settings = this.#settings(connectorOver(url, this.#declared), 'http');
    const options = this.#optionsOf(settings, this.#limits.of(settings));
    // Few processes ever fetch a file, and Node's client for it takes memory.
    return {
      fetch: async (from, signal, take) =>
        (await import('./http-files.ts')).openHttpFiles(options).fetch(from, signal, take),
    };
  }

  sql(name: string): SqlConnector {
    return kept(this.#sql, name, () => {
      const settings = this.#settings(name, 'sql');
      const opened = this.#openLate(() => openSql(settings, this.#surroundings, this.#limits.of(settings)));
      return {
        name,
        run: async (statement) => (await opened.get()).run(statement),
        transact: async (transaction) => (await opened.get()).transact(transaction),
      };
    });
  }

  mcp(name: string): McpConnector {
    return kept(this.#mcp, name, () => {
      const settings = this.#settings(name, 'mcp');
      const opened = this.#openLate(() => openMcp(settings, this.#surroundings, this.#limits.of(settings)));
      return { name, call: async (call) => (await opened.get()).call(call) };
    });
  }

  webhook(name: string): WebhookConnector {
    return kept(this.#webhooks, name, () => {
      const settings = this.#settings(name, 'webhook');
      const opened = this.#openLate(() => openWebhook(settings, this.#surroundings));
      return { name, send: async (...sent) => (await opened.get()).send(...sent) };
    });
  }

  callPlan(name: string): CallPlan | undefined {
    const settings = this.#declared.connectors.get(name);
    return settings && callPlanOf(settings, userAgentOf(this.#surroundings.version));
  }

  circuit(name: string): CircuitSettings | undefined {
    const settings = this.#declared.connectors.get(name);
    if (settings?.type === 'webhook') return undefined;
    const { circuit = defaultCircuit } = settings ?? {};
    return circuit === 'off' ? undefined : circuit;
  }

  throttles(names: readonly string[]): Throttle[] {
    return this.#limits.throttles(names);
  }

  leavesLostAnswers(name: string): boolean {
    const settings = this.#declared.connectors.get(name);
    return settings !== undefined && 'retryLostAnswers' in settings && settings.retryLostAnswers === false;
  }

  windowMs(name: string): number | undefined {
    return this.#limits.windowMs(name);
  }

  setShare(name: string, share: Share): void {
    this.#limits.setShare(name, share);
  }

  usedRate(name: string): UsedRate | undefined {
    return this.#limits.used(name);
  }

  rememberCalls(name: string, used: UsedRate): void {
    this.#limits.remember(name, used);
  }

  variable(name: string): Secret | undefined {
    return secretIn(this.#surroundings.means, name);
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

  #connectHttp(settings: HttpSettings, limits?: CallLimits): ReturnType<OpenHttp> {
    return this.#openHttp(this.#optionsOf(settings, limits));
  }

  #optionsOf(settings: HttpSettings, limits: CallLimits | undefined): HttpConnectorOptions {
    return {
      settings,
      userAgent: userAgentOf(this.#surroundings.version),
      allowPrivateHosts: this.#surroundings.means.allowPrivateHosts,
      ...(limits === undefined ? {} : { limits }),
      ...credentialsIn(this.#surroundings.means, settings),
    };
  }

  #openOrigin(origin: string): ReturnType<OpenHttp> {
    const { host } = new URL(origin);
    return this.#connectHttp({
      type: 'http',
      name: host,
      isDeclared: false,
      origin,
      prefix: '',
      headers: {},
      timeoutMs: originTimeoutMs,
      // Nobody has said that all these calls have one target in common, and nobody could say otherwise.
      adaptive: false,
      allowPrivate: false,
    });
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
