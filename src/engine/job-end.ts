import type { RecordStatus } from '../domain/record.ts';
import { finishJob, skipPending } from '../store/control.ts';
import { faultPoint } from './fault-points.ts';
import type { LaneOptions } from './lane-options.ts';
import type { LaneWatch } from './lane-watch.ts';
import type { AttemptContext } from './process-record.ts';
import { runEnding } from './run-ending.ts';

export interface JobEndOptions extends Pick<LaneOptions, 'db' | 'lease' | 'job'> {
  readonly context: AttemptContext;
  readonly watch: LaneWatch;
  /** Aborted when the end part has to be left. */
  readonly signal: AbortSignal;
  readonly isStopping: () => boolean;
  /** Called with how many records have come to a status in which they stay. */
  readonly onSettled: (status: RecordStatus, count: number) => void;
}

/** The end of a job in the lane that runs it: what is left is skipped, then its end part runs. */
export class JobEnd {
  readonly #options: JobEndOptions;

  constructor(options: JobEndOptions) {
    this.#options = options;
  }

  /** Skips all that waits in a job that goes on no more. */
  async skipPending(): Promise<void> {
    const { db, job, onSettled } = this.#options;
    for (;;) {
      const skipped = await skipPending(db, job.id);
      if (skipped === undefined) return;
      onSettled('skipped', skipped);
      faultPoint('in_skip');
    }
  }

  /** Runs the end part, if the flow has one and nothing else is left, and finishes the job. False: it is not over. */
  async finish(): Promise<boolean> {
    const { db, job } = this.#options;
    if (job.hasEnd) await this.#runEnding();
    return (await finishJob(db, job.id)) !== undefined;
  }

  #runEnding(): Promise<void> {
    const { db, lease, context, watch, signal, isStopping } = this.#options;
    const isLost = () => watch.lost;
    const mayGoOn = () => !isStopping() && !isLost() && watch.control.status !== 'paused';
    return runEnding({ ...context, signal, db, lease, mayGoOn, isLost });
  }
}
