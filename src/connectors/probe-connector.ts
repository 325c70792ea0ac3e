import { RecordFailure } from '../domain/failure.ts';
import { credentialsOf } from './credentials.ts';
import { readConnectors } from './declared-connectors.ts';
import type { McpSettings } from './mcp-settings.ts';
import { openRegistry, type RegistryOptions } from './open-registry.ts';
import type { ConnectorListing, ConnectorRegistry } from './registry.ts';

/** What a look at a target has come to. */
export interface Probe {
  /** answered: it can be used. refused: it does not take the credentials. */
  readonly state: 'answered' | 'refused' | 'unreachable' | 'not_ready';
  /** One sentence. */
  readonly text: string;
  /** What the target or its operator said. */
  readonly untrusted?: string;
  /** Of an MCP server: the names of its tools, which are the server's words. */
  readonly tools?: readonly string[];
}

/** One look may take this long, in milliseconds. */
const patienceMs = 15_000;

/**
 * Looks once whether a declared connector can be used: one GET, `select 1`, or the list of tools. Goes
 * through the connector itself, with its credentials and its guard against addresses that are not public.
 */
export async function probeConnector(
  options: RegistryOptions,
  name: string,
  signal: AbortSignal,
): Promise<Probe> {
  const registry = await openRegistry(options);
  try {
    const listing = registry.listings.find((listed) => listed.name === name);
    if (listing === undefined) return { state: 'not_ready', text: `No connector is named ${name}.` };
    if (listing.obstacle !== undefined) return { state: 'not_ready', text: listing.obstacle };
    return await looks[listing.type]({ listing, registry, options, signal });
  } catch (error) {
    if (error instanceof RecordFailure) return broken(error);
    throw error;
  } finally {
    await registry.close();
  }
}

interface Look {
  readonly listing: ConnectorListing;
  readonly registry: ConnectorRegistry;
  readonly options: RegistryOptions;
  readonly signal: AbortSignal;
}

const looks: Readonly<Record<ConnectorListing['type'], (look: Look) => Promise<Probe>>> = {
  http: lookAtHttp,
  sql: lookAtSql,
  mcp: lookAtMcp,
  webhook: async ({ listing }) => ({ state: 'not_ready', text: `${listing.name} only takes callbacks.` }),
};

async function lookAtHttp({ listing: { name, target }, registry, signal }: Look): Promise<Probe> {
  const request = { method: 'GET', path: '/', accepts: () => true, timeoutMs: patienceMs, signal };
  const { status } = await registry.http(name).call(request);
  if (status === 401 || status === 403) {
    return { state: 'refused', text: `${target} answered ${status}: the target refuses the credentials.` };
  }
  const remark = status >= 400 ? ' It can be reached; which paths there are is up to the flows.' : '';
  return { state: 'answered', text: `${target} answered ${status} to GET /.${remark}` };
}

async function lookAtSql({ listing: { name, target }, registry, signal }: Look): Promise<Probe> {
  const statement = { text: 'select 1', values: [], writes: false, step: 'probe', signal };
  await registry.sql(name).run({ ...statement, timeoutMs: patienceMs });
  return { state: 'answered', text: `The database on ${target} answered.` };
}

async function lookAtMcp({ listing: { name }, registry, options, signal }: Look): Promise<Probe> {
  const { connectors } = await readConnectors(options.folder);
  const settings = connectors.get(name) as McpSettings;
  const { toolsOf } = await import('./probe-mcp.ts');
  const credentials =
    'auth' in settings && settings.auth !== undefined
      ? { credentials: credentialsOf(settings.auth, (variable) => registry.variable(variable)?.reveal()) }
      : {};
  const tools = await toolsOf(
    {
      settings,
      ...credentials,
      variable: (variable) => registry.variable(variable),
      allowPrivateHosts: options.allowPrivateHosts,
      clientVersion: options.version ?? '0',
    },
    signal,
  );
  const count = tools.length === 1 ? '1 tool' : `${tools.length} tools`;
  return { state: 'answered', text: `${name} answered; it has ${count}.`, tools };
}

function broken({ failure }: RecordFailure): Probe {
  const refused = failure.class === 'auth';
  const text = refused ? `${failure.message}: the target refuses the credentials.` : `${failure.message}.`;
  const { untrustedMessage: untrusted } = failure;
  return {
    state: refused ? 'refused' : 'unreachable',
    text,
    ...(untrusted === undefined ? {} : { untrusted }),
  };
}
