import type { Ending } from './ending.ts';
import type { Postgres } from './postgres.ts';
import type { Table } from './report.ts';

/** What every part of the benchmark gets. */
export interface Bench {
  readonly postgres: Postgres;
  readonly ending: Ending;
  /** How often contenders take turns. */
  readonly rounds: number;
  /** Rows of the large file. */
  readonly rows: number;
}

export type Part = (bench: Bench) => Promise<readonly Table[]>;
