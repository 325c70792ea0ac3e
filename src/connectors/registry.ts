import type { HttpConnector } from './http.ts';

/** The connectors declared in `connectors.yaml`, each opened on first use and kept for the process. */
export interface ConnectorRegistry {
  /** Declared names, sorted. */
  readonly names: readonly string[];
  /** @throws SluiceError `connector_invalid` for a name that is not declared (says which are). */
  http(name: string): HttpConnector;
  /** Why a flow that needs `name` cannot run in this process (an unset variable, say), or undefined. */
  obstacle(name: string): string | undefined;
  close(): Promise<void>;
}
