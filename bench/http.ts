import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Ending } from './ending.ts';
import type { Bench } from './part.ts';
import type { Table } from './report.ts';
import { type Contender, measureRounds, ratesOf, type Work } from './rounds.ts';

const sluice: Contender = { name: 'Sluice', module: './http/sluice.ts' };
const alone: Contender = { name: 'undici.request through p-queue', module: './http/undici.ts' };
const goal = { atLeast: 0.85 };

/** What keeping the state of every record costs beside the calls themselves. */
export async function http(bench: Bench): Promise<Table[]> {
  const targetUrl = await startTarget(bench.ending);
  const warmUp = { records: 3000, concurrency: 10, targetUrl };
  await measureRounds([{ ...alone, name: 'warming up' }], warmUp, { ...bench, rounds: 1 });
  const tables: Table[] = [];
  for (const [concurrency, records] of [
    [10, 8000],
    [50, 20_000],
  ] as const) {
    tables.push(await compare(bench, { records, concurrency, targetUrl }));
  }
  return tables;
}

async function compare(bench: Bench, work: Work): Promise<Table> {
  const series = await measureRounds([sluice, alone], work, bench);
  const own = ratesOf(series.get(sluice));
  const whole = series.get(sluice)?.measured.map(({ withIntake = Number.NaN }) => withIntake) ?? [];
  return {
    title: `HTTP flow, concurrency ${work.concurrency}`,
    how: `${work.records.toLocaleString('en-US')} POSTs of about 200 bytes to a local target that takes 2 ms; ratio: Sluice over this row`,
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
