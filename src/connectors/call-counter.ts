const seconds = 5;

/** Counts calls, to say how many there were a second of late. */
export class CallCounter {
  /** By second, the present one and the whole ones before it that count. */
  readonly #counts = new Array<number>(seconds + 1).fill(0);
  #second = 0;

  add(now: number): void {
    this.#turn(now);
    const place = this.#second % this.#counts.length;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  /** Calls a second over the last five, rounded to tenths. */
  perSecond(now: number): number {
    this.#turn(now);
    const present = this.#second % this.#counts.length;
    const oldest = (present + 1) % this.#counts.length;
    const oldestShare = 1 - (now / 1000 - this.#second);
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    const counted = sum - (this.#counts[oldest] ?? 0) * (1 - oldestShare);
    return Math.round((counted / seconds) * 10) / 10;
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    const passed = Math.min(second - this.#second, this.#counts.length);
    for (let back = 0; back < passed; back++) this.#counts[(second - back) % this.#counts.length] = 0;
    this.#second = second;
  }
}
