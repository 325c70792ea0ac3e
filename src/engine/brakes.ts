import { failureLimit, type JobStatus } from '../domain/job.ts';
import type { ClaimedRecord, Settlement } from '../domain/record.ts';
import type { JobControl } from '../store/control.ts';
import { noteEvent } from '../store/job-events.ts';
import { openCircuit, stopAtLimit, stopAtRate } from '../store/self-pause.ts';
import { Circuit } from './circuit.ts';
import { FailureBudget } from './failure-budget.ts';
import { FailureWindow } from './failure-window.ts';
import type { LaneOptions } from './lane-options.ts';
import { nameOf } from './log.ts';

/** What stops a job from within: as many failures as may be, too many of the last ones, a connector in trouble. */
export class Brakes {
  readonly budget: FailureBudget;
  readonly window: FailureWindow;
  readonly circuit: Circuit;
  readonly #options: LaneOptions;

  constructor(options: LaneOptions) {
    const { job, flow, connectors } = options;
    this.#options = options;
    this.budget = new FailureBudget(job);
    this.window = new FailureWindow(job.maxFailureRate, job.failureWindow);
    this.circuit = new Circuit((connector) =>
      flow.neverPauses === true ? undefined : connectors.circuit(connector),
    );
  }

  /** The job must not go on like this. */
  get areDue(): boolean {
    return this.circuit.trouble !== undefined || this.window.tripped !== undefined || this.budget.exhausted;
  }

  /** May this record start, as far as what came of others tells? */
  allow(record: ClaimedRecord): boolean {
    return this.#isFree && this.budget.allows(record);
  }

  get #isFree(): boolean {
    return this.window.tripped === undefined && this.circuit.trouble === undefined;
  }

  note(record: ClaimedRecord, settlement: Settlement): void {
    this.budget.note(record, settlement);
    this.window.note(settlement);
    this.circuit.note(record.index, settlement);
  }

  /** A record that failed without a run says nothing of any connector. */
  noteRefused(record: ClaimedRecord, settlement: Settlement): void {
    this.budget.note(record, settlement);
    this.window.note(settlement);
  }

  /** Takes over the limits of the job as they are now. */
  obey({ maxFailures, failuresForgiven, maxFailureRate }: JobControl): void {
    this.budget.allow(failureLimit({ ...this.#options.job, maxFailures }), failuresForgiven);
    this.window.limit = maxFailureRate;
  }

  /** What stopped the job before does not count against it any more. */
  release(): void {
    this.circuit.clear();
    this.window.clear();
  }

  /** Stops the job. Its status from then on; undefined: it was found in another one, or not under this lease. */
  async pull(): Promise<JobStatus | undefined> {
    const { db, lease, job } = this.#options;
    const { trouble } = this.circuit;
    if (trouble !== undefined) return (await openCircuit(db, lease, trouble)) ? 'paused' : undefined;
    const { tripped } = this.window;
    if (tripped !== undefined) return stopAtRate(db, lease, this.#tooMany(tripped));
    // The limit was lowered, or rows failed before their first attempt, so no settlement has seen it reached.
    return stopAtLimit(db, job.id);
  }

  #tooMany({ failed, of }: { failed: number; of: number }): string {
    const share = Math.round((this.window.limit ?? 0) * 1000) / 10;
    return `${failed} of the last ${of} records failed, which is as many as may (max_failure_rate ${share} %).`;
  }

  /** Tells of the limit that a settlement has seen reached. */
  noteLimit({ status, maxFailures }: JobControl): void {
    const { db, job, log } = this.#options;
    if (status === 'cancelled' || !this.budget.exhausted) return;
    const limit = job.continueOnError ? `max_failures ${maxFailures}` : 'continue_on_error false';
    const message = `As many records failed as may (${limit}); the job ${status === 'paused' ? 'paused' : 'stopped'}.`;
    noteEvent(db, job.id, 'limit_reached', message).catch((error: unknown) => {
      log.warn({ batchJobId: job.id, error: nameOf(error) }, 'an event could not be noted');
    });
  }
}
