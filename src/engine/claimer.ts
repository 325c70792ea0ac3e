import type { ClaimedRecord } from '../domain/record.ts';
import { claimAlone, claimProbe, claimRecords, retriesAtMost } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import type { Lease } from '../store/leases.ts';
import { returnLostClaim } from '../store/rescue.ts';
import { faultPoint } from './fault-points.ts';

/** Records of one claim at most, unless a single run takes more. */
export const largestWindow = 500;
/** A window should last about this long, in milliseconds: less to hand back, and no more claims than that. */
const shortWindowMs = 250;
const longWindowMs = 1000;

/**
 * Makes the claims of one lane: numbers them, sizes their windows, and undoes one whose answer got
 * lost before it makes the next.
 */
export class Claimer {
  readonly #db: Database;
  readonly #lease: Lease;
  /** Called when the lane turns out to belong to somebody else. */
  readonly #onLost: () => void;
  #claims = 0;
  /** The last claim may have been made without its answer getting here. */
  #unsure = false;
  /** Records in one run: a window holds whole runs only. */
  readonly #size: number;
  #cursor = -1;
  #window: number;
  #windowSince = 0;
  #drained = false;

  constructor(db: Database, lease: Lease, size: number, window: number, onLost: () => void) {
    this.#db = db;
    this.#lease = lease;
    this.#onLost = onLost;
    this.#size = size;
    this.#window = wholeRuns(window, size);
  }

  /** Records the next claim asks for. */
  get window(): number {
    return this.#window;
  }

  /** The last claim found all that was due. */
  get drained(): boolean {
    return this.#drained;
  }

  /**
   * A window of due records; with `fresh` false only such that have been tried before, and none of the fresh
   * ones from the index `ceiling` on.
   */
  async claim(fresh: boolean, concurrency: number, ceiling?: number): Promise<ClaimedRecord[]> {
    const limit = this.#window;
    const request = { lease: this.#lease, limit, cursor: this.#cursor, fresh, ceiling };
    const claimed = await this.#numbered((claims) => claimRecords(this.#db, { ...request, claims }));
    const untried = claimed.filter((record) => record.tries === 0);
    this.#cursor = claimed.length < limit ? -1 : Math.max(this.#cursor, untried.at(-1)?.index ?? -1);
    const again = claimed.length - untried.length;
    this.#drained = claimed.length < limit && again < (fresh ? retriesAtMost(limit) : limit);
    this.#resize(claimed.length === limit, concurrency);
    return claimed;
  }

  /** The next suspect of killing its process, to be run alone. */
  claimAlone(): Promise<ClaimedRecord[]> {
    return this.#numbered((claims) => claimAlone(this.#db, this.#lease, claims));
  }

  /** One record of a job that a circuit has paused, after `probes` that were in vain. */
  claimProbe(probes: number, fresh: boolean, ceiling?: number): Promise<ClaimedRecord[]> {
    const request = { lease: this.#lease, probes, fresh, ceiling };
    return this.#numbered((claims) => claimProbe(this.#db, { ...request, claims }));
  }

  /** Records before the last claim may be pending again. */
  rewind(): void {
    this.#cursor = -1;
  }

  async #numbered(claim: (claims: number) => Promise<ClaimedRecord[] | undefined>): Promise<ClaimedRecord[]> {
    if (this.#unsure) await this.#undo();
    this.#unsure = true;
    const claimed = await claim(this.#claims);
    if (claimed === undefined) {
      await this.#undo();
      return [];
    }
    this.#unsure = false;
    this.#claims++;
    faultPoint('after_claim');
    return claimed;
  }

  async #undo(): Promise<void> {
    const claims = await returnLostClaim(this.#db, this.#lease, this.#claims);
    this.#unsure = false;
    this.#cursor = -1;
    if (claims === undefined) this.#onLost();
    else this.#claims = claims;
  }

  #resize(full: boolean, concurrency: number): void {
    const lasted = performance.now() - this.#windowSince;
    this.#windowSince = performance.now();
    const size = this.#size;
    if (full && lasted < shortWindowMs) this.#window = wholeRuns(this.#window * 2, size);
    if (lasted > longWindowMs) {
      this.#window = Math.max(wholeRuns(2 * concurrency * size, size), wholeRuns(this.#window >> 1, size));
    }
  }
}

/** As many records as are whole runs, at least one run. */
const wholeRuns = (records: number, size: number) =>
  Math.max(Math.floor(Math.min(largestWindow, records) / size), 1) * size;
