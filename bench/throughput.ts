import type { Bench } from './part.ts';
import { startRedis } from './redis.ts';
import type { Goal, Row, Table } from './report.ts';
import { type Contender, measureRounds, ratesOf, type Work } from './rounds.ts';

const records = 60_000;

const sluice: Contender = { name: 'Sluice', module: './throughput/sluice.ts' };

/** Who Sluice is measured against, and by how much it is meant to differ. */
const others: readonly (Contender & { readonly goal?: Goal })[] = [
  { name: 'bare pipeline', module: './throughput/bare.ts', goal: { atLeast: 0.9 } },
  { name: "bare pipeline, Sluice's layout", module: './throughput/bare-marked.ts' },
  { name: 'pg-boss', module: './throughput/pg-boss.ts', goal: { atLeast: 1.5 } },
  { name: 'BullMQ', module: './throughput/bullmq.ts', goal: { atLeast: 3 } },
  {
    name: 'graphile-worker, with a status row',
    module: './throughput/graphile-worker.ts',
    goal: { atLeast: 5 },
  },
];

/** How many records that need no work get through, from intake to a durable final state of each. */
export async function throughput(bench: Bench): Promise<Table[]> {
  const redisSocket = await startRedis(bench.ending);
  const tables: Table[] = [];
  for (const concurrency of [10, 50]) {
    tables.push(await compare(bench, { records, concurrency, redisSocket }));
  }
  return tables;
}

async function compare(bench: Bench, work: Work): Promise<Table> {
  const able = others.filter(({ name }) => name !== 'BullMQ' || work.redisSocket !== undefined);
  const series = await measureRounds([sluice, ...able], work, bench);
  const own = ratesOf(series.get(sluice));
  return {
    title: `No-op records, concurrency ${work.concurrency}`,
    how: `${work.records.toLocaleString('en-US')} records of about 200 bytes, intake to final state; ratio: Sluice over this row`,
    rows: [
      { what: sluice.name, unit: 'records/s', values: own, problem: series.get(sluice)?.problem },
      ...others.map((other): Row => {
        const values = ratesOf(series.get(other));
        const problem = series.has(other) ? series.get(other)?.problem : 'no redis-server';
        return { what: other.name, unit: 'records/s', values, sluice: own, goal: other.goal, problem };
      }),
    ],
  };
}
