import type { ConnectorRegistry } from '../connectors/registry.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Flow, RunContext } from '../flows/flow.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Lease } from '../store/leases.ts';
import type { JobTrace } from './job-trace.ts';
import type { Log } from './log.ts';
import type { Observer } from './observer.ts';

/** What one lane works with. */
export interface LaneOptions {
  readonly db: Database;
  readonly lease: Lease;
  /** performance.now() from before the lease was asked for. */
  readonly acquiredAt: number;
  readonly leaseMs: number;
  readonly job: BatchJob;
  readonly flow: Flow;
  /** What the job was started with. */
  readonly params: JsonObject;
  readonly connectors: ConnectorRegistry;
  readonly glob: RunContext['glob'];
  readonly maxRecordBytes: number;
  readonly log: Log;
  readonly observer?: Observer | undefined;
  readonly trace?: JobTrace | undefined;
}
