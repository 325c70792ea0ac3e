import type { ConnectorRegistry } from '../connectors/registry.ts';
import type { Flow, RunContext } from '../flows/flow.ts';
import type { Database } from '../store/database.ts';
import type { Workload } from '../store/jobs.ts';
import type { FlowKind } from '../store/schema.ts';
import type { Log } from './log.ts';
import type { Observer } from './observer.ts';
import type { Permissions } from './obstacles.ts';
import type { RetentionRules } from './retention.ts';

/** What the engine of a process works with. */
export interface EngineOptions {
  readonly db: Database;
  /** Names this process in its leases. */
  readonly holder: string;
  readonly leaseMs: number;
  readonly maxRecordBytes: number;
  /**
   * Compiles the stored text of a flow, or finds the code that has this revision; undefined: this process
   * cannot.
   */
  readonly compile: (
    text: string,
    name: string,
    kind: FlowKind,
    revision: string,
  ) => Flow | undefined | Promise<Flow | undefined>;
  readonly openConnectors: () => Promise<ConnectorRegistry>;
  /** Ends what the connectors have started; called when the engine has stopped. */
  readonly closeConnectors?: () => Promise<void>;
  /** What the operator allows; default: no steps that run programs. */
  readonly permissions?: Permissions;
  /** Default: nothing is ever deleted. */
  readonly retention?: RetentionRules;
  /** Waits between attempts at a callback, in milliseconds; default: about a day of them. */
  readonly deliveryWaitsMs?: readonly number[];
  /** Finds files for flows that go over them; default: there are none. */
  readonly glob?: RunContext['glob'];
  readonly log: Log;
  /** Default: nobody measures. */
  readonly observer?: Observer | undefined;
  /** Asked before each look; false: this process only asks and steers. Default: it runs jobs. */
  readonly runsJobs?: () => boolean;
  /** Called with what each look finds in the whole database. */
  readonly onLook?: (workload: Workload) => void;
}
