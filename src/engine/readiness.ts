import type { BatchOffer } from '../connectors/batch-offer.ts';
import { foreignText } from '../connectors/foreign-text.ts';
import type { ConnectorListing, ConnectorRegistry, ConnectorType } from '../connectors/registry.ts';
import type { ConnectorUse, Flow } from '../flows/flow.ts';
import { connectCommand } from './connect-command.ts';
import { obstacleOf, type Permissions } from './obstacles.ts';

export { connectorTypes } from '../connectors/registry.ts';

/** Something that keeps a flow from running in this process. */
export interface Missing {
  /** Undefined when it is not about a connector. */
  readonly connector?: string;
  readonly reason: string;
  /** What a person types at a terminal to mend it, where one command does. */
  readonly setupCommand?: string;
}

/** A declared connector, and what it lacks. */
export interface ConnectorState {
  readonly name: string;
  readonly type: ConnectorType;
  /** Host, or the program of an MCP server. */
  readonly target: string;
  readonly missing: Missing | undefined;
  /** What callers of `POST /batch` may do with it. */
  readonly offers: readonly BatchOffer[];
  /** Headers that it sets, in small letters. */
  readonly ownHeaders: readonly string[];
}

/** What this process has to run flows with. */
export interface Readiness {
  /** Declared connectors, sorted by name. */
  connectors(): Promise<ConnectorState[]>;
  /** Everything that keeps a flow from running here; nothing: it can run. */
  missingFor(flow: Flow): Promise<Missing[]>;
}

export function openReadiness(
  openConnectors: () => Promise<ConnectorRegistry>,
  permissions: Permissions,
): Readiness {
  return {
    async connectors() {
      const registry = await openConnectors();
      return registry.listings.map(({ name, type, target, obstacle }) => ({
        name,
        type,
        target,
        missing: obstacle === undefined ? undefined : lacking(name, obstacle),
        offers: registry.callPlan(name)?.offers ?? [],
        ownHeaders: registry.callPlan(name)?.ownHeaders ?? [],
      }));
    },
    async missingFor(flow) {
      const registry = await openConnectors();
      const missing = flow.connectors.flatMap((use) => missingConnector(use, registry) ?? []);
      const rest = obstacleOf({ ...flow, connectors: [] }, registry, permissions);
      return rest === null ? missing : [...missing, { reason: foreignText(rest) ?? '' }];
    },
  };
}

/** What a person types to declare a connector that is not there; the target is theirs to fill in. */
const declaring: Readonly<Partial<Record<ConnectorType, string>>> = {
  http: 'https://HOST --bearer',
  sql: '--sql',
  mcp: '--mcp -- COMMAND',
};

function missingConnector({ name, type }: ConnectorUse, registry: ConnectorRegistry): Missing | undefined {
  const obstacle = registry.obstacle(name, type);
  if (obstacle === undefined) return undefined;
  const reason = foreignText(obstacle) ?? '';
  if (connectCommand(name) === undefined) return { connector: foreignText(name, 100) ?? '', reason };
  const listing: ConnectorListing | undefined = registry.listings.find((listed) => listed.name === name);
  if (listing !== undefined) {
    return listing.type === type ? lacking(name, reason) : { connector: name, reason };
  }
  // A file with problems declares nothing, whatever it says.
  if (reason.startsWith('connectors.yaml has problems')) {
    return { connector: name, reason, setupCommand: 'sluice doctor' };
  }
  const how = declaring[type];
  return { connector: name, reason, ...mendedBy(how && connectCommand(name, how)) };
}

/** A declared connector lacks its secrets, or the leave to call a private address. */
function lacking(connector: string, reason: string): Missing {
  const option = reason.includes('allow_private: true') ? '--allow-private' : '';
  return { connector, reason, ...mendedBy(connectCommand(connector, option)) };
}

const mendedBy = (setupCommand: string | undefined) => (setupCommand === undefined ? {} : { setupCommand });
