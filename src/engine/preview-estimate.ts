import type { Rate } from '../domain/rate.ts';

export interface EstimateOf {
  /** Runs of the flow. */
  readonly runs: number;
  readonly concurrency: number;
  /** Runs that the job may start. */
  readonly rate: Rate | undefined;
  readonly connectors: readonly {
    readonly connector: string;
    readonly concurrency: number | undefined;
    readonly rate: Rate | undefined;
    /** Calls of one run, as far as they are known. */
    readonly calls: number;
  }[];
  /** How long a run took in earlier jobs, in seconds; undefined: there are none. */
  readonly secondsPerRun: number | undefined;
}

export interface Estimate {
  /** undefined: nothing is known that could tell. */
  readonly seconds: number | undefined;
  /** What holds the job back most. */
  readonly limit: string;
}

/** How long a job takes at least: what is slowest decides. */
export function estimate({ runs, concurrency, rate, connectors, secondsPerRun }: EstimateOf): Estimate {
  const atOnce = Math.min(
    concurrency,
    ...connectors.map((connector) => connector.concurrency ?? concurrency),
  );
  const limits = [
    ...(secondsPerRun === undefined
      ? []
      : [
          {
            seconds: (runs * secondsPerRun) / atOnce,
            limit: `${round(secondsPerRun)} s for each run in earlier jobs, ${atOnce} at once`,
          },
        ]),
    ...connectors.flatMap(({ connector, calls, ...own }) =>
      own.rate === undefined
        ? []
        : [
            {
              seconds: spanOf(runs * calls, own.rate),
              limit: `the rate of ${connector}, ${words(own.rate)}`,
            },
          ],
    ),
    ...(rate === undefined
      ? []
      : [{ seconds: spanOf(runs, rate), limit: `the rate of the job, ${words(rate)}` }]),
  ];
  const [longest] = limits.toSorted((a, b) => b.seconds - a.seconds);
  if (longest === undefined) {
    return { seconds: undefined, limit: 'no rate is set, and no earlier job tells how long a run takes' };
  }
  return longest;
}

/** The first calls may all go at once. */
const spanOf = (calls: number, { count, windowMs }: Rate) =>
  (Math.max(0, Math.ceil(calls / count) - 1) * windowMs) / 1000;

const words = ({ count, windowMs }: Rate) => `${count} in ${windowMs / 1000} s`;
const round = (seconds: number) => Number(seconds.toPrecision(2));
