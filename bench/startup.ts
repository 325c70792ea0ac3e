import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEmbedded, stopEmbeddedPostgres } from '../src/store/embedded/embedded-postgres.ts';
import type { Ending } from './ending.ts';
import { noOpFlow, writeFlows } from './flows.ts';
import type { Bench } from './part.ts';
import { makeHome } from './postgres.ts';
import { makeRecords } from './records.ts';
import type { Table } from './report.ts';
import { startServer } from './server.ts';

const starts = 10;
const freshHomes = 3;
/** Sluice stops its own Postgres ten seconds after the last client; this is a little more. */
const untilStoppedMs = 20_000;

/** How long a person waits at the very beginning. */
export async function startup({ ending }: Bench): Promise<Table[]> {
  const listed: number[] = [];
  for (let n = 1; n <= starts; n++) listed.push(await secondsToTools(ending));
  const begun: number[] = [];
  for (let n = 1; n <= freshHomes; n++) begun.push(await secondsToFirstBatch(ending));
  return [
    {
      title: 'Start',
      how: 'sluice mcp started afresh each time',
      rows: [
        { what: 'process start to tools/list answered', unit: 's', values: listed, goal: { atMost: 0.6 } },
        {
          what: 'first start_batch in a fresh home (makes its Postgres)',
          unit: 's',
          values: begun,
          goal: { atMost: 3 },
        },
      ],
    },
  ];
}

async function secondsToTools(ending: Ending): Promise<number> {
  const home = makeHome(ending);
  console.error('  starting the server');
  const start = performance.now();
  const server = await startServer(ending, { SLUICE_HOME: home });
  await server.listTools();
  const seconds = secondsSince(start);
  await server.stop();
  return seconds;
}

async function secondsToFirstBatch(ending: Ending): Promise<number> {
  const home = makeHome(ending);
  mkdirSync(home, { mode: 0o711 });
  ending.add(() => stopPostgres(home));
  console.error('  starting a first batch job');
  const server = await startServer(ending, { SLUICE_HOME: home, SLUICE_FLOWS: writeFlows(home) });
  await server.listTools();

  const start = performance.now();
  await server.call('start_batch', { flow_id: noOpFlow, records: makeRecords(10) });
  const seconds = secondsSince(start);
  await server.stop();
  return seconds;
}

const secondsSince = (start: number) => (performance.now() - start) / 1000;

/**
 * Waits for Sluice's own process to stop the Postgres of a home; stopping it first would make that
 * process start it again.
 */
async function stopPostgres(home: string): Promise<void> {
  const until = performance.now() + untilStoppedMs;
  while (performance.now() < until) {
    const { state } = await describeEmbedded(home);
    if (state === 'stopped' || state === 'absent') return;
    await sleep(100);
  }
  console.error('Sluice did not stop its Postgres; stopping it here.');
  await stopEmbeddedPostgres(home);
}
