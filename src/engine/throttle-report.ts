import type { ConnectorRegistry } from '../connectors/registry.ts';
import type { Flow } from '../flows/flow.ts';
import type { Database } from '../store/database.ts';
import type { Lease } from '../store/leases.ts';
import { saveThrottles } from '../store/throttles.ts';

/** Time between two writings at least, in milliseconds. */
const restMs = 2000;

/** Keeps with the job what its connectors hold it back to at present, so that every process can tell. */
export class ThrottleReport {
  readonly #db: Database;
  readonly #lease: Lease;
  readonly #connectors: ConnectorRegistry;
  readonly #names: readonly string[];
  #saved = '[]';
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(db: Database, lease: Lease, connectors: ConnectorRegistry, flow: Flow) {
    this.#db = db;
    this.#lease = lease;
    this.#connectors = connectors;
    this.#names = flow.connectors.map(({ name }) => name);
  }

  /** Writes what there is to say, if that has changed and it is time. */
  async look(): Promise<void> {
    if (performance.now() - this.#savedAt < restMs) return;
    await this.#save(JSON.stringify(this.#connectors.throttles(this.#names)));
  }

  /** The lane holds nothing back any more. */
  end(): Promise<void> {
    return this.#save('[]');
  }

  async #save(throttles: string): Promise<void> {
    if (throttles === this.#saved) return;
    this.#savedAt = performance.now();
    await saveThrottles(this.#db, this.#lease, throttles === '[]' ? null : throttles);
    this.#saved = throttles;
  }
}
