import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Measured, Setting } from './contender.ts';
import type { Ending } from './ending.ts';
import type { Bench } from './part.ts';
import { makeHome, type Postgres } from './postgres.ts';

/** One run of a contender may take this long, in milliseconds. */
const patienceMs = 300_000;
const child = fileURLToPath(new URL('./child.ts', import.meta.url));

export interface Contender {
  readonly name: string;
  /** Its module, as seen from this folder. */
  readonly module: string;
}

export type Work = Pick<Setting, 'records' | 'concurrency' | 'warmUp' | 'targetUrl' | 'redisSocket'>;

/** What a contender reached in each round, or why it has no figures. */
export interface Series {
  readonly measured: readonly Measured[];
  readonly problem?: string;
}

/** Records a second of each round; none for a contender that did not take part. */
export const ratesOf = (series: Series | undefined): number[] =>
  series?.measured.map(({ perSecond }) => perSecond) ?? [];

/**
 * Lets contenders take turns (A B C A B C …), so that a busy minute of the machine hits all of them,
 * each time in a fresh process on an empty database. One that breaks is left out from then on.
 */
export async function measureRounds(
  contenders: readonly Contender[],
  work: Work,
  { postgres, ending, rounds }: Pick<Bench, 'postgres' | 'ending' | 'rounds'>,
): Promise<ReadonlyMap<Contender, Series>> {
  const series = new Map<Contender, Series>(contenders.map((each) => [each, { measured: [] }]));
  for (let round = 1; round <= rounds; round++) {
    for (const [contender, { measured, problem }] of series) {
      if (problem !== undefined) continue;
      if (ending.begun) throw new Error('stopped');
      console.error(`  round ${round} of ${rounds}, concurrency ${work.concurrency}: ${contender.name}`);
      series.set(contender, await measureOnce(contender, work, measured, postgres, ending));
    }
  }
  return series;
}

async function measureOnce(
  { name, module }: Contender,
  work: Work,
  earlier: readonly Measured[],
  postgres: Postgres,
  ending: Ending,
): Promise<Series> {
  const database = await postgres.create();
  const folder = makeHome(ending);
  mkdirSync(folder);
  try {
    const setting = { ...work, databaseUrl: database.url, folder };
    return { measured: [...earlier, await runChild(module, setting, ending)] };
  } catch (error) {
    if (ending.begun) throw error;
    console.error(`  ${name} broke:`, error);
    return { measured: [], problem: error instanceof Error ? error.message : 'it broke' };
  } finally {
    await database.drop();
    rmSync(dirname(folder), { recursive: true, force: true });
  }
}

async function runChild(module: string, setting: Setting, ending: Ending): Promise<Measured> {
  const process = fork(child, [new URL(module, import.meta.url).href, JSON.stringify(setting)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = ending.add(() => process.kill('SIGKILL'));
  let measured: Measured | undefined;
  process.on('message', (message) => {
    measured = message as Measured;
  });
  const late = setTimeout(() => process.kill('SIGKILL'), patienceMs);
  const [code, signal] = await once(process, 'exit');
  clearTimeout(late);
  await kill();
  if (measured === undefined) throw new Error(`its process ended early (${code ?? signal})`);
  return measured;
}
