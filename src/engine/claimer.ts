import type { ClaimedRecord } from '../domain/record.ts';
import { claimAlone, claimRecords } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import type { Lease } from '../store/leases.ts';
import { returnLostClaim } from '../store/rescue.ts';
import { faultPoint } from './fault-points.ts';

/** Records of one claim at most. */
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
  #cursor = -1;
  #window: number;
  #windowSince = 0;

  constructor(db: Database, lease: Lease, window: number, onLost: () => void) {
    this.#db = db;
    this.#lease = lease;
    this.#onLost = onLost;
    this.#window = window;
  }

  /** Records the next claim asks for. */
  get window(): number {
    return this.#window;
  }

  /** A window of due records; with `fresh` false only such that have been tried before. */
  async claim(fresh: boolean, concurrency: number): Promise<ClaimedRecord[]> {
    const limit = this.#window;
    const request = { lease: this.#lease, limit, cursor: this.#cursor, fresh };
    const claimed = await this.#numbered((claims) => claimRecords(this.#db, { ...request, claims }));
    const untried = claimed.filter((record) => record.tries === 0);
    this.#cursor = claimed.length < limit ? -1 : Math.max(this.#cursor, untried.at(-1)?.index ?? -1);
    this.#resize(claimed.length === limit, concurrency);
    return claimed;
  }

  /** The next suspect of killing its process, to be run alone. */
  claimAlone(): Promise<ClaimedRecord[]> {
    return this.#numbered((claims) => claimAlone(this.#db, this.#lease, claims));
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
    if (full && lasted < shortWindowMs) this.#window = Math.min(largestWindow, this.#window * 2);
    if (lasted > longWindowMs) this.#window = Math.max(smallestWindow(concurrency), this.#window >> 1);
  }
}

/** What a lane begins with: enough for its slots, since nobody knows yet how long a record takes. */
export const smallestWindow = (concurrency: number) => Math.min(largestWindow, 2 * concurrency);
