import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { noOpFlow, writeFlows } from './flows.ts';
import { watchMemory } from './memory.ts';
import type { Bench } from './part.ts';
import { makeHome } from './postgres.ts';
import { writeNdjson } from './records.ts';
import { percentile, type Row, type Table } from './report.ts';
import { type Server, startServer } from './server.ts';

const concurrency = 50;
/** A status is asked for this long after the last answer, in milliseconds. */
const pauseMs = 50;

interface Watched {
  readonly peakMb: number;
  readonly statusMs: readonly number[];
  readonly firstRecordSeconds: number;
  readonly totalSeconds: number;
}

/** A large file by reference, through the real server and a client. */
export async function million(bench: Bench): Promise<Table[]> {
  const { rows, ending } = bench;
  const home = makeHome(ending);
  mkdirSync(home);
  const path = join(home, 'rows.ndjson');
  console.error(`  writing ${rows.toLocaleString('en-US')} rows`);
  await writeNdjson(path, rows);

  const database = await bench.postgres.create();
  const server = await startServer(ending, {
    DATABASE_URL: database.url,
    SLUICE_HOME: home,
    SLUICE_FLOWS: writeFlows(home),
    SLUICE_FILES: home,
    SLUICE_BACKGROUND: 'off',
  });
  console.error('  running the job');
  const watched = await watchJob(server, path, rows);
  await server.stop();
  await database.drop();
  return [tableOf(rows, watched)];
}

/** Asks for the status all the while, as a client would, only more often. */
async function watchJob(server: Server, path: string, rows: number): Promise<Watched> {
  const memory = watchMemory(server.pid);
  const calledAt = Date.now();
  const started = await server.call('start_batch', { flow_id: noOpFlow, source: { path }, concurrency });
  const statusMs: number[] = [];
  for (;;) {
    const askedAt = performance.now();
    const status = await server.call('get_batch_status', { batch_job_id: started.batch_job_id });
    statusMs.push(performance.now() - askedAt);
    const peakMb = memory.peak();
    if (status.finished !== true) {
      await sleep(pauseMs);
      continue;
    }
    if (status.status !== 'completed' || status.processed !== rows) {
      throw new Error(`the job ended ${status.status} with ${status.processed} of ${rows} records`);
    }
    // Client, server and database share one clock.
    const secondsUntil = (time: unknown) => (Date.parse(String(time)) - calledAt) / 1000;
    const [firstRecordSeconds, totalSeconds] = [status.started_at, status.finished_at].map(secondsUntil);
    return { peakMb, statusMs, firstRecordSeconds: firstRecordSeconds!, totalSeconds: totalSeconds! };
  }
}

function tableOf(rows: number, { peakMb, statusMs, firstRecordSeconds, totalSeconds }: Watched): Table {
  const count = rows.toLocaleString('en-US');
  const one = (what: string, unit: string, value: number, atMost?: number): Row => ({
    what,
    unit,
    values: [value],
    ...(atMost === undefined ? {} : { goal: { atMost } }),
  });
  return {
    title: `${count} records by reference, concurrency ${concurrency}`,
    how: `One job over an NDJSON file through sluice mcp, its status asked for ${pauseMs} ms after each answer (${statusMs.length} times)`,
    rows: [
      one('memory of the server process, peak RSS', 'MB', peakMb, 250),
      one('start_batch to the first record started', 's', firstRecordSeconds, 2),
      one('get_batch_status, 95th percentile', 'ms', percentile(statusMs, 0.95), 50),
      one('get_batch_status, median', 'ms', percentile(statusMs, 0.5)),
      one('get_batch_status, longest', 'ms', Math.max(...statusMs)),
      one('start_batch to the last record', 's', totalSeconds),
      one('records through the job', 'records/s', rows / totalSeconds),
    ],
  };
}
