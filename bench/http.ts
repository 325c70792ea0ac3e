import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Ending } from './ending.ts';
import type { Bench } from './part.ts';
import { startPostgres } from './postgres.ts';
import type { Table } from './report.ts';
import { type Contender, measureRounds, ratesOf, type Work } from './rounds.ts';

const sluice: Contender = { name: 'Sluice', module: './http/sluice.ts' };
const alone: Contender = { name: 'undici.request through p-queue', module: './http/undici.ts' };
const bare: Contender = { name: 'the same with rows claimed and updated', module: './http/bare.ts' };
const goal = { atLeast: 0.85 };
/** A server runs for days, so that neither is timed while its code is still being compiled. */
const warmUp = 5000;

/** What keeping the state of every record costs beside the calls themselves: all that Sluice does, and the least. */
export async function http(given: Bench): Promise<Table[]> {
  const bench = { ...given, postgres: await startPostgres(given.ending) };
  const targetUrl = await startTarget(bench.ending);
  const first = { records: 3000, concurrency: 10, targetUrl };
  await measureRounds([{ ...alone, name: 'warming up the target' }], first, { ...bench, rounds: 1 });
  const tables: Table[] = [];
  for (const [concurrency, records] of [
    [10, 8000],
    [50, 20_000],
  ] as const) {
    tables.push(await compare(bench, { records, concurrency, warmUp, targetUrl }));
  }
  return tables;
}

async function compare(bench: Bench, work: Work): Promise<Table> {
  const series = await measureRounds([sluice, alone, bare], work, bench);
  const own = ratesOf(series.get(sluice));
  const whole = series.get(sluice)?.measured.map(({ withIntake = Number.NaN }) => withIntake) ?? [];
  return {
    title: `HTTP flow, concurrency ${work.concurrency}`,
    how: `${work.records.toLocaleString('en-US')} POSTs of about 200 bytes to a local target that takes 2 ms, after ${warmUp.toLocaleString('en-US')} others in the same process; ratio: Sluice over this row`,
    rows: [
      {
        what: 'Sluice, first claim to last commit',
        unit: 'calls/s',
        values: own,
        problem: series.get(sluice)?.problem,
      },
      { what: 'Sluice, reading the file included', unit: 'calls/s', values: whole },
      {
        what: alone.name,
        unit: 'calls/s',
        values: ratesOf(series.get(alone)),
        sluice: own,
        goal,
        problem: series.get(alone)?.problem,
      },
      {
        what: bare.name,
        unit: 'calls/s',
        values: ratesOf(series.get(bare)),
        sluice: own,
        problem: series.get(bare)?.problem,
      },
    ],
  };
}

/** The target's address; it lives in a process of its own. */
async function startTarget(ending: Ending): Promise<string> {
  const target = fork(fileURLToPath(new URL('./http/target.ts', import.meta.url)));
  ending.add(() => target.kill('SIGKILL'));
  const [url] = await once(target, 'message');
  return String(url);
}
