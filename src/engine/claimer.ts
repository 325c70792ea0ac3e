import type { ClaimedRecord } from '../domain/record.ts';
import { type Claimed, claimAlone, claimProbe, claimRecords, waitingAtMost } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Lease } from '../store/leases.ts';
import { returnLostClaim } from '../store/rescue.ts';
import { faultPoint } from './fault-points.ts';

/** Records of one claim at most, unless a single run takes more. */
export const largestWindow = 500;
/** Records of the first claim at most: nobody knows yet how large they are. */
const firstWindow = 50;
/** Payloads of one claim should not be larger than this, in characters: all of it lies in memory, here and in Postgres. */
const claimedCharacters = 16 * 1024 * 1024;
/** Rows that a claim looks at for fresh records at most, where few of them are. */
const farthestReach = 5000;
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
  /** Up to this index no record is fresh any more. */
  #claimedTo: number;
  #window: number;
  /** Rows that the next claim looks at for fresh records. */
  #reach: number;
  #windowSince = performance.now();
  #drained = false;

  constructor(
    db: Database,
    lease: Lease,
    { claimedTo }: Pick<BatchJob, 'claimedTo'>,
    size: number,
    window: number,
    onLost: () => void,
  ) {
    this.#db = db;
    this.#lease = lease;
    this.#claimedTo = claimedTo;
    this.#onLost = onLost;
    this.#size = size;
    this.#window = wholeRuns(Math.min(window, firstWindow), size);
    this.#reach = this.#window;
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
  async claim(fresh: boolean, concurrency: number, ceiling?: number): Promise<readonly ClaimedRecord[]> {
    const limit = this.#window;
    const request = { lease: this.#lease, limit, fresh, size: this.#size, reach: this.#reach, ceiling };
    const { records, noneFresh, characters } = await this.#numbered((claims) =>
      claimRecords(this.#db, { ...request, claims }),
    ).catch((error: unknown) => {
      // It may have been more than the server, or this process, can put into one answer.
      this.#window = wholeRuns(limit >> 1, this.#size);
      throw error;
    });
    const full = records.length === limit;
    const waiting = records.filter(({ isFresh }) => !isFresh).length;
    this.#drained = !full && noneFresh && waiting < waitingAtMost(limit, this.#size);
    this.#resize(full, concurrency, characters);
    this.#reach = full ? this.#window : Math.min(2 * this.#reach, farthestReach);
    return records;
  }

  /** The next suspect of killing its process, to be run alone. */
  async claimAlone(): Promise<readonly ClaimedRecord[]> {
    const { records } = await this.#numbered((claims) => claimAlone(this.#db, this.#lease, claims));
    return records;
  }

  /** One record of a job that a circuit has paused, or a run that broke, after `probes` that were in vain. */
  async claimProbe(probes: number, fresh: boolean, ceiling?: number): Promise<readonly ClaimedRecord[]> {
    const request = { lease: this.#lease, probes, size: this.#size, fresh, ceiling };
    const { records } = await this.#numbered((claims) => claimProbe(this.#db, { ...request, claims }));
    return records;
  }

  async #numbered(claim: (claims: number) => Promise<Claimed | undefined>): Promise<Claimed> {
    if (this.#unsure) await this.#undo();
    this.#unsure = true;
    const claimed = await claim(this.#claims);
    if (claimed === undefined) {
      await this.#undo();
      return { records: [], claimedTo: this.#claimedTo, noneFresh: true, characters: 0 };
    }
    this.#claimedTo = claimed.claimedTo;
    this.#unsure = false;
    this.#claims++;
    faultPoint('after_claim');
    return claimed;
  }

  async #undo(): Promise<void> {
    const claims = await returnLostClaim(this.#db, this.#lease, this.#claims, this.#claimedTo);
    this.#unsure = false;
    if (claims === undefined) this.#onLost();
    else this.#claims = claims;
  }

  #resize(full: boolean, concurrency: number, characters: number): void {
    const lasted = performance.now() - this.#windowSince;
    this.#windowSince = performance.now();
    const size = this.#size;
    if (full && lasted < shortWindowMs) this.#window = wholeRuns(this.#window * 2, size);
    if (lasted > longWindowMs) {
      this.#window = Math.max(wholeRuns(2 * concurrency * size, size), wholeRuns(this.#window >> 1, size));
    }
    if (characters > claimedCharacters) {
      this.#window = wholeRuns((this.#window * claimedCharacters) / characters, size);
    }
  }
}

/** As many records as are whole runs, at least one run. */
const wholeRuns = (records: number, size: number) =>
  Math.max(Math.floor(Math.min(largestWindow, records) / size), 1) * size;
