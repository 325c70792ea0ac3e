import type { Bench } from './part.ts';
import type { Table } from './report.ts';
import { type Contender, measureRounds, ratesOf } from './rounds.ts';

const noOp: Contender = { name: 'one step that does nothing', module: './throughput/sluice.ts' };
const fiveSteps: Contender = { name: 'five transform steps', module: './language/five-steps.ts' };
const chunks: Contender = { name: 'chunks of a hundred', module: './language/chunks.ts' };
const python: Contender = { name: 'a Python snippet for each record', module: './language/python.ts' };

/** What the steps of a flow cost beside keeping the state of every record. */
export async function language(bench: Bench): Promise<Table[]> {
  const work = { records: 20_000, concurrency: 10 };
  const series = await measureRounds([noOp, fiveSteps, chunks, python], work, bench);
  const rates = (contender: Contender) => ratesOf(series.get(contender));
  const problem = (contender: Contender) => series.get(contender)?.problem;
  const steps = { values: rates(noOp), sluice: rates(fiveSteps), goal: { atLeast: 0.7 } };
  return [
    {
      title: 'Flow language, concurrency 10',
      how: '20,000 records of about 200 bytes, intake to final state; ratio: five steps over one',
      rows: [
        { what: fiveSteps.name, unit: 'records/s', values: rates(fiveSteps), problem: problem(fiveSteps) },
        { what: noOp.name, unit: 'records/s', ...steps, problem: problem(noOp) },
        { what: chunks.name, unit: 'records/s', values: rates(chunks), problem: problem(chunks) },
        {
          what: python.name,
          unit: 'records/s',
          values: rates(python),
          goal: { atLeast: 500 },
          problem: problem(python),
        },
      ],
    },
  ];
}
