/** What a contender gets to work with. */
export interface Setting {
  readonly records: number;
  readonly concurrency: number;
  /** Records that go before those that are timed, in the same process; default: one. */
  readonly warmUp?: number | undefined;
  /** An empty database of its own. */
  readonly databaseUrl: string;
  /** An empty folder of its own. */
  readonly folder: string;
  /** The local target of HTTP flows. */
  readonly targetUrl?: string | undefined;
  /** A Redis of the benchmark's own. */
  readonly redisSocket?: string | undefined;
}

/** Records a second, by what was timed. */
export interface Measured {
  readonly perSecond: number;
  /** For HTTP flows: reading the records in counts as well. */
  readonly withIntake?: number;
}

/** The default export of every contender's module; runs once, in a fresh process. */
export type Contend = (setting: Setting) => Promise<Measured>;

/** Starts a clock; the result turns a number of records into records a second. */
export function startClock(): (records: number) => number {
  const start = performance.now();
  return (records) => records / ((performance.now() - start) / 1000);
}
