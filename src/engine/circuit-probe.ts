import { closeCircuit, postponeProbe } from '../store/self-pause.ts';
import type { LaneOptions } from './lane-options.ts';
import type { LaneRecords } from './lane-records.ts';
import type { LaneWatch } from './lane-watch.ts';
import { nameOf } from './log.ts';
import type { Probe } from './probe.ts';

export interface CircuitProbeOptions extends Pick<LaneOptions, 'db' | 'lease' | 'job' | 'log'> {
  readonly records: LaneRecords;
  readonly watch: LaneWatch;
  /** Called when the lane may have something to do. */
  readonly onChange: () => void;
}

/** Lets one record after the other of a job that a connector's trouble has paused find out whether it is over. */
export class CircuitProbe {
  readonly #options: CircuitProbeOptions;
  #underWay: Promise<void> | undefined;

  constructor(options: CircuitProbeOptions) {
    this.#options = options;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** Resolves when no record is trying. Never rejects. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  /** Lets a record begin. False: none is due. */
  async begin(): Promise<boolean> {
    const { records, watch } = this.#options;
    const { probes } = watch.control;
    const probe = await records.probe(probes);
    if (probe === undefined) return false;
    this.#underWay = this.#conclude(probe.found, probes + 1);
    return true;
  }

  /** The job goes on. */
  async close(): Promise<void> {
    const { db, lease, watch } = this.#options;
    if (await closeCircuit(db, lease)) watch.note('processing');
    else await watch.refresh();
  }

  /** Does what follows from a try, which may take as long as a call takes. Never rejects. */
  async #conclude(found: Promise<Probe>, probes: number): Promise<void> {
    const { db, lease, job, log, watch, onChange } = this.#options;
    try {
      const probe = await found;
      if (probe.kind === 'answered') await this.close();
      if (probe.kind === 'trouble') {
        await postponeProbe(db, lease, probes, probe.trouble);
        // What is read from now on counts.
        watch.note(watch.control.status);
      }
    } catch (error) {
      log.warn({ batchJobId: job.id, error: nameOf(error) }, 'a probe came to nothing');
    }
    this.#underWay = undefined;
    onChange();
  }
}
