import PQueue from 'p-queue';
import postgres from 'postgres';
import { Pool } from 'undici';
import { groupSize, mostUnderWay } from '../../src/engine/commit-bounds.ts';
import { addressOf } from '../../src/store/database-url.ts';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { makeRecords } from '../records.ts';
import { checkDone, insertAll, save, windowRows } from '../throughput/bare.ts';
import { marked } from '../throughput/bare-marked.ts';
import { post } from './undici.ts';

/** How long an outcome waits for others, in milliseconds. */
const patienceMs = 5;

/**
 * The same calls, and what anybody has to do who keeps their outcomes in Postgres with Sluice's bound on what a crash
 * can repeat: claim rows that lie there, call, update in groups. No counters, no lease, no retries.
 */
export default async function bareCalls({
  databaseUrl,
  records,
  concurrency,
  warmUp = 1,
  targetUrl = '',
}: Setting) {
  const address = addressOf(databaseUrl);
  const settings = { max: 2, fetch_types: false, onnotice: () => {} };
  const sql = 'url' in address ? postgres(address.url, settings) : postgres({ ...address, ...settings });
  const pool = new Pool(targetUrl, { connections: concurrency, pipelining: 1 });
  await marked.createTable(sql);
  await insertAll(sql, makeRecords(warmUp + records), marked);
  await sql`checkpoint`;
  const calls = new BareCalls(sql, pool, concurrency);
  await calls.run(0, warmUp);

  const clock = startClock();
  await calls.run(warmUp, warmUp + records);
  const perSecond = clock(records);

  await checkDone(sql, warmUp + records);
  await sql.end();
  return { perSecond };
}

class BareCalls {
  readonly #sql: postgres.Sql;
  readonly #pool: Pool;
  readonly #concurrency: number;
  readonly #queue: PQueue;
  #outcomes: unknown[] = [];
  #uncommitted = 0;
  #saving = false;
  #timer: NodeJS.Timeout | undefined;
  /** Called after each commit. */
  #waiting: (() => void)[] = [];

  constructor(sql: postgres.Sql, pool: Pool, concurrency: number) {
    this.#sql = sql;
    this.#pool = pool;
    this.#concurrency = concurrency;
    this.#queue = new PQueue({ concurrency });
  }

  async run(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += windowRows) {
      const claimed = await marked.claim(this.#sql, at, Math.min(windowRows, to - at));
      await this.#queue.onSizeLessThan(this.#concurrency);
      for (const { idx, payload } of claimed) void this.#queue.add(() => this.#call(idx, payload));
    }
    await this.#queue.onIdle();
    while (this.#uncommitted > 0) await this.#nextCommit();
  }

  #nextCommit(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #call(idx: number, payload: unknown): Promise<void> {
    while (this.#uncommitted >= mostUnderWay(true, this.#concurrency, 1)) await this.#nextCommit();
    this.#uncommitted++;
    const ok = await post(this.#pool, payload);
    this.#outcomes.push({ idx, result: { ok } });
    if (this.#outcomes.length >= groupSize(true, this.#concurrency, 1)) void this.#save();
    else this.#timer ??= setTimeout(() => void this.#save(), patienceMs);
  }

  async #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#saving) return;
    const group = this.#outcomes;
    if (group.length === 0) return;
    this.#outcomes = [];
    this.#saving = true;
    await save(this.#sql, group);
    this.#saving = false;
    this.#uncommitted -= group.length;
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (this.#outcomes.length > 0) await this.#save();
  }
}
