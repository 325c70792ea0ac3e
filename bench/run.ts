import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { createEnding } from './ending.ts';
import { http } from './http.ts';
import { language } from './language.ts';
import { million } from './million.ts';
import type { Bench, Part } from './part.ts';
import { startPostgres } from './postgres.ts';
import { formatTable, type Table, toJson } from './report.ts';
import { startup } from './startup.ts';
import { throughput } from './throughput.ts';

const parts: Readonly<Record<string, Part>> = { throughput, language, http, million, startup };
const usage = `npm run bench -- [${Object.keys(parts).join(' | ')}] [--rows N] [--rounds N] [--json]`;

const ending = createEnding();
// More than one may come: from the terminal, from what started this process, and from its end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);

try {
  await main();
} catch (error) {
  // What is measured breaks when it is stopped.
  if (!ending.begun) console.error(error);
  process.exitCode = 1;
} finally {
  await ending.run();
}

function stop(): void {
  if (ending.begun) return;
  console.error('Stopping …');
  void ending.run().then(() => process.exit(130));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
  const [rows, rounds] = [Number(values.rows), Number(values.rounds)];
  const wrong = chosen.find((name) => !Object.hasOwn(parts, name));
  if (wrong !== undefined || !(rows >= 1 && rounds >= 1)) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }

  const postgres = await startPostgres(ending, 'loopback');
  const machine = describeMachine(postgres.version);
  if (!values.json) console.log(`${machine.text}\n`);

  const tables = await measure(chosen, { postgres, ending, rows, rounds }, (table) => {
    if (!values.json) console.log(formatTable(table));
  });
  if (values.json) console.log(toJson(machine, tables));
}

async function measure(
  names: readonly string[],
  bench: Bench,
  show: (table: Table) => void,
): Promise<Table[]> {
  const tables: Table[] = [];
  for (const name of names) {
    console.error(`${name}:`);
    const measured = (await parts[name]?.(bench)) ?? [];
    measured.forEach(show);
    tables.push(...measured);
  }
  return tables;
}

function describeMachine(postgres: string) {
  const cores = availableParallelism();
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const [load = 0] = loadavg();
  const node = process.versions.node;
  const text = `${cores} cores (${cpu}), ${gigabytes} GB, Node ${node}, Postgres ${postgres}; load before the start ${load.toFixed(1)}`;
  return { cores, cpu, gigabytes, node, postgres, load, text };
}
