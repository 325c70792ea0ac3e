import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { type BatchJob, findJob } from '../../src/store/jobs.ts';
import { type JobOrder, steerJob } from '../../src/store/steering.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, testEngine, testFlow } from '../support/engine.ts';
import { newJob, requeue } from '../support/jobs.ts';

const total = 150;
const circuit = { failures: 6, authFailures: 3, firstProbeMs: 30, longestProbeMs: 100 };

type Wish =
  | { readonly kind: 'steer'; readonly order: JobOrder }
  | { readonly kind: 'retry' | 'take_down' | 'bring_back' | 'swap_engine' }
  | { readonly kind: 'wait'; readonly ms: number };

const order = (orders: fc.Arbitrary<JobOrder>) =>
  orders.map((given): Wish => ({ kind: 'steer', order: given }));
const now = fc.boolean();

const wishes = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 120 }).map((ms): Wish => ({ kind: 'wait', ms })) },
    { weight: 2, arbitrary: order(now.map((isNow) => ({ action: 'pause', now: isNow }))) },
    { weight: 3, arbitrary: order(fc.constant({ action: 'resume' })) },
    { weight: 1, arbitrary: order(now.map((isNow) => ({ action: 'cancel', now: isNow }))) },
    { weight: 1, arbitrary: order(fc.integer({ min: 1, max: 20 }).map((concurrency) => ({ concurrency }))) },
    { weight: 1, arbitrary: order(fc.constantFrom('300/s', '900/s', null).map((rate) => ({ rate }))) },
    {
      weight: 1,
      arbitrary: order(
        fc.record({
          maxFailures: fc.constantFrom(5, 20, null),
          maxFailureRate: fc.constantFrom(0.5, null),
          onLimit: fc.constantFrom('fail', 'pause'),
        }),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Wish>(
        { kind: 'retry' },
        { kind: 'take_down' },
        { kind: 'bring_back' },
        { kind: 'swap_engine' },
      ),
    },
  ),
  { minLength: 12, maxLength: 25 },
);

/** A target in memory, and a journal of what the runs that were not cut off came to. */
class Target {
  isDown = false;
  readonly journal = new Map<number, ('ok' | 'bad' | 'down')[]>();
  readonly flow: Flow = testFlow(
    async ({ index, signal }) => {
      await sleep(1 + (index % 7), undefined, { signal });
      const answer = this.isDown ? 'down' : index % 5 === 3 ? 'bad' : 'ok';
      this.journal.set(index, [...(this.journal.get(index) ?? []), answer]);
      if (answer === 'down')
        fail('transient', { connector: 'crm', code: 'http_503', message: 'crm answered 503' });
      if (answer === 'bad') fail('data', { connector: 'crm', code: 'http_422' });
      return index;
    },
    { retry: quickRetry(2, 15) },
  );
}

class Walk {
  readonly target = new Target();
  readonly #db: Database;
  readonly #job = newJob(total, { holder: 'nobody', leaseMs: 0, concurrency: 8 });
  #engine: Engine;
  #swaps = 0;

  constructor(db: Database) {
    this.#db = db;
    this.#engine = this.#newEngine();
  }

  #newEngine(): Engine {
    const openConnectors = async () => noConnectors({ circuit: () => circuit });
    return testEngine(this.#db, this.target.flow, { holder: `engine ${++this.#swaps}`, openConnectors });
  }

  async begin(): Promise<void> {
    await createJob(this.#db, this.#job);
    this.#engine.wake();
  }

  async do(wish: Wish): Promise<void> {
    if (wish.kind === 'steer') await steerJob(this.#db, this.#job.id, wish.order);
    if (wish.kind === 'retry') await this.#retry();
    if (wish.kind === 'take_down') this.target.isDown = true;
    if (wish.kind === 'bring_back') this.target.isDown = false;
    if (wish.kind === 'wait') await sleep(wish.ms);
    if (wish.kind === 'swap_engine') {
      await this.#engine.stop(0);
      this.#engine = this.#newEngine();
    }
    this.#engine.wake(this.#job.id);
  }

  async #retry(): Promise<void> {
    const job = await this.look();
    if (job.finishedAt === null) return;
    await requeue(this.#db, job.id, job.wave, { statuses: ['failed', 'retried_failed', 'skipped'] }, 4);
  }

  /** The job; its counts are the total, and those of its rows. */
  async look(): Promise<BatchJob> {
    const job = await findJob(this.#db, this.#job.id);
    if (job === undefined) throw new Error('the job is gone');
    expect(Object.values(job.counts).reduce((sum, count) => sum + count, 0)).toBe(total);
    return job;
  }

  /** Takes every obstacle away and lets the job come to its end. */
  async end(): Promise<BatchJob> {
    this.target.isDown = false;
    const free = { action: 'resume', rate: null, maxFailures: null, maxFailureRate: null } as const;
    await steerJob(this.#db, this.#job.id, free);
    this.#engine.wake(this.#job.id);
    const job = await jobWhen(this.#db, this.#job.id, finished, 10_000);
    await this.#engine.stop(0);
    return job;
  }

  rows(): Promise<readonly { idx: number; status: string; attempts: number }[]> {
    return this.#db.run(
      (sql) => sql<{ idx: number; status: string; attempts: number }[]>`
        select idx, status, attempts from records where job_id = ${this.#job.id} order by idx`,
    );
  }
}

test('whatever is asked for at whatever moment, counts add up and nothing is lost or sent twice', async ({
  db,
}) => {
  const property = fc.asyncProperty(wishes, async (asked) => {
    const walk = new Walk(db);
    await walk.begin();
    for (const wish of asked) {
      await walk.do(wish);
      await walk.look();
    }
    const job = await walk.end();
    const rows = await walk.rows();

    const counted: Record<string, number> = { ...job.counts };
    for (const { idx, status, attempts } of rows) {
      counted[status] = (counted[status] ?? 0) - 1;
      const answers = walk.target.journal.get(idx) ?? [];
      const said = `record ${idx} is ${status} after ${attempts} attempts: ${answers.join(', ')}`;
      const succeeded = status === 'succeeded' || status === 'retried_success';
      expect(answers.filter((answer) => answer === 'ok').length, said).toBe(Number(succeeded));
      if (succeeded) expect(answers.at(-1), said).toBe('ok');
      else if (status !== 'skipped') expect(answers.length, said).toBeGreaterThan(0);
      // What a probe was told in vain counts as no attempt.
      expect(attempts, said).toBeLessThanOrEqual(answers.length);
      expect(attempts, said).toBeGreaterThanOrEqual(answers.filter((answer) => answer !== 'down').length);
    }
    expect(Object.values(counted).every((count) => count === 0)).toBe(true);
    expect(job.counts.pending + job.counts.processing).toBe(0);
  });

  await fc.assert(property, { numRuns: 8, endOnFailure: true, interruptAfterTimeLimit: 15_000 });
});
