import type { Throttle } from '../domain/throttle.ts';
import type { Share } from './call-limits.ts';
import type { CallPlan } from './call-plan.ts';
import type { CircuitSettings } from './circuit.ts';
import type { HttpConnector } from './http.ts';
import type { HttpFiles } from './http-files.ts';
import type { McpConnector } from './mcp.ts';
import type { Programs } from './programs.ts';
import type { UsedRate } from './rate-window.ts';
import type { Secret } from './secret.ts';
import type { SqlConnector } from './sql.ts';
import type { WebhookConnector } from './webhook.ts';

export const connectorTypes = ['http', 'sql', 'mcp', 'webhook'] as const;
export type ConnectorType = (typeof connectorTypes)[number];

/** A declared connector, for people and models. */
export interface ConnectorListing {
  readonly name: string;
  readonly type: ConnectorType;
  /** Host of the target, or the command of an MCP server. */
  readonly target: string;
  /** What keeps it from being used in this process, or undefined. */
  readonly obstacle: string | undefined;
}

/** The connectors declared in `connectors.yaml`, each opened on first use and kept for the process. */
export interface ConnectorRegistry {
  /** Declared connectors, sorted by name. */
  readonly listings: readonly ConnectorListing[];
  /** @throws SluiceError `connector_invalid` for a name that is not declared (says which are). */
  http(name: string): HttpConnector;
  /** Calls to an origin (`https://api.example.com`) that no connector declares, without credentials. */
  httpAt(origin: string): HttpConnector;
  /**
   * The files of the connector of type http whose `base_url` a URL lies under; of several the longest counts.
   *
   * @throws SluiceError `source_not_allowed` when there is none (says which there are), or `connector_invalid`
   */
  filesOver(url: URL): HttpFiles;
  /** @throws SluiceError `connector_invalid` */
  sql(name: string): SqlConnector;
  /** @throws SluiceError `connector_invalid` */
  mcp(name: string): McpConnector;
  /** @throws SluiceError `connector_invalid` */
  webhook(name: string): WebhookConnector;
  /**
   * When jobs that use a connector are paused; undefined: never. A name that is not declared is the host of
   * a URL, for which the usual holds.
   */
  circuit(name: string): CircuitSettings | undefined;
  /** Of these connectors, the ones that call less than they may: their targets, or other processes, stand in the way. */
  throttles(names: readonly string[]): Throttle[];
  /**
   * The time, in milliseconds, after which a call through a connector does not count for its limits any more:
   * 0 when only calls at once are limited; undefined: it has no limits.
   */
  windowMs(name: string): number | undefined;
  /** Gives this process its part of a connector's limits, of which it has the whole unless told otherwise. */
  setShare(name: string, share: Share): void;
  /** The calls of this process that count for a connector's rate at present; undefined: it has none. */
  usedRate(name: string): UsedRate | undefined;
  /** Counts calls of another process for a connector's rate. */
  rememberCalls(name: string, used: UsedRate): void;
  /** How a declared connector would be called; undefined: it is not declared. Needs no secrets. */
  callPlan(name: string): CallPlan | undefined;
  /** Calls that may have been carried out are left to a person: nothing repeats them. */
  leavesLostAnswers(name: string): boolean;
  /** Programs of this machine: commands and warm Python interpreters. */
  readonly programs: Programs;
  /** The value of an environment variable, or of one in `secrets.env`; undefined: it is not set. */
  variable(name: string): Secret | undefined;
  /** Why a flow that needs `name` cannot run in this process (an unset variable, say), or undefined. */
  obstacle(name: string, type: ConnectorType): string | undefined;
  close(): Promise<void>;
}
