import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { createJob, type NewJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { type BatchJob, findJob } from '../../src/store/jobs.ts';
import { type JobOrder, steerJob } from '../../src/store/steering.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, testEngine, testFlow } from '../support/engine.ts';
import { letLapse, newJob, requeue } from '../support/jobs.ts';

const total = 150;
const mostAtOnce = 20;
const circuit = { failures: 6, authFailures: 3, firstProbeMs: 30, longestProbeMs: 100 };

type Wish =
  | { readonly kind: 'steer'; readonly order: JobOrder }
  | { readonly kind: 'retry' | 'take_down' | 'bring_back' | 'swap_engine' | 'crash' }
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
    {
      weight: 1,
      arbitrary: order(fc.integer({ min: 1, max: mostAtOnce }).map((concurrency) => ({ concurrency }))),
    },
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
      weight: 4,
      arbitrary: fc.constantFrom<Wish>(
        { kind: 'retry' },
        { kind: 'take_down' },
        { kind: 'bring_back' },
        { kind: 'swap_engine' },
        { kind: 'crash' },
      ),
    },
  ),
  { minLength: 12, maxLength: 25 },
);

const wait = (ms: number): Wish => ({ kind: 'wait', ms });
const crash: Wish = { kind: 'crash' };
const cancel: Wish = { kind: 'steer', order: { action: 'cancel' } };

/** What chance may leave out: a crash with records under way, and another pass over what a cancel left. */
const examples: [Wish[], keyof typeof kinds][] = [
  [
    [wait(40), crash, wait(40), crash, wait(40), cancel, wait(100), { kind: 'retry' }, wait(20), crash],
    'plain',
  ],
  [[wait(80), cancel, wait(150), { kind: 'retry' }, wait(40), crash, wait(50)], 'ordered'],
];

const keyOf = (index: number) => `key ${index % 9}`;

const kinds = {
  plain: {},
  ramp: { ramp: { steps: [10, 40], maxFailureRate: 0.5 } },
  ordered: {
    orderBy: 'n',
    records: Array.from({ length: total }, (_, n) => ({ id: null, json: `{"n":${n}}`, orderKey: keyOf(n) })),
  },
} satisfies Record<string, Partial<NewJob>>;

/** A process that can die at any moment: then nothing it has not sent yet is ever done. */
class Mortal implements Pick<Database, 'run' | 'read' | 'owner' | 'actor'> {
  readonly owner = undefined;
  readonly actor = null;
  #isDead = false;
  readonly #db: Database;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(db: Database) {
    this.#db = db;
  }

  readonly run: Database['run'] = (...query) => this.unlessDead(() => this.#db.run(...query));
  readonly read: Database['read'] = (query) => this.unlessDead(() => this.#db.read(query));

  unlessDead<T>(act: () => Promise<T>): Promise<T> {
    if (this.#isDead) return new Promise<never>(() => {});
    const acting = act();
    this.#underWay.add(acting);
    const done = () => this.#underWay.delete(acting);
    acting.then(done, done);
    return acting;
  }

  /** Resolves when what it had sent has arrived. */
  async die(): Promise<void> {
    this.#isDead = true;
    await Promise.allSettled(this.#underWay);
  }
}

/** A target in memory, and a journal of what the runs that were not cut off came to. */
class Target {
  isDown = false;
  /** Two records of one key were under way at once. */
  overlaps = 0;
  readonly journal = new Map<number, ('ok' | 'bad' | 'down')[]>();

  flowFor(process: Mortal): Flow {
    const underWay = new Set<string>();
    const act = async (index: number, signal: AbortSignal) => {
      await sleep(1 + (index % 7), undefined, { signal });
      return process.unlessDead(async () => this.#answer(index));
    };
    return testFlow(
      async ({ index, signal }) => {
        if (underWay.has(keyOf(index))) this.overlaps++;
        underWay.add(keyOf(index));
        try {
          return await act(index, signal);
        } finally {
          underWay.delete(keyOf(index));
        }
      },
      { retry: quickRetry(2, 15) },
    );
  }

  #answer(index: number): number {
    const answer = this.isDown ? 'down' : index % 5 === 3 ? 'bad' : 'ok';
    this.journal.set(index, [...(this.journal.get(index) ?? []), answer]);
    if (answer === 'down')
      fail('transient', { connector: 'crm', code: 'http_503', message: 'crm answered 503' });
    if (answer === 'bad') fail('data', { connector: 'crm', code: 'http_422' });
    return index;
  }
}

class Walk {
  readonly target = new Target();
  crashes = 0;
  readonly #db: Database;
  readonly #job: NewJob;
  #process: Mortal;
  #engine: Engine;
  #swaps = 0;

  constructor(db: Database, more: Partial<NewJob>) {
    this.#db = db;
    this.#job = newJob(total, { holder: 'nobody', leaseMs: 0, concurrency: 8, ...more });
    this.#process = new Mortal(db);
    this.#engine = this.#newEngine();
  }

  #newEngine(): Engine {
    this.#process = new Mortal(this.#db);
    const openConnectors = async () => noConnectors({ circuit: () => circuit });
    const options = { holder: `engine ${++this.#swaps}`, openConnectors };
    return testEngine(this.#process as unknown as Database, this.target.flowFor(this.#process), options);
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
    if (wish.kind === 'crash') await this.#crash();
    this.#engine.wake(this.#job.id);
  }

  async #crash(): Promise<void> {
    await this.#process.die();
    this.crashes++;
    await letLapse(this.#db, this.#job.id);
    this.#engine = this.#newEngine();
  }

  async #retry(): Promise<void> {
    const job = await this.look();
    if (job.finishedAt === null) return;
    const ordered = job.orderBy !== null;
    const statuses = ['failed', 'retried_failed', 'skipped'] as const;
    await requeue(this.#db, job.id, job.wave, { statuses }, 12, { ordered });
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
    // The gates of a ramp pause the job again.
    const settled = (now: BatchJob) => finished(now) || now.status === 'paused';
    let job: BatchJob;
    do {
      await steerJob(this.#db, this.#job.id, free);
      this.#engine.wake(this.#job.id);
      job = await jobWhen(this.#db, this.#job.id, settled, 10_000);
    } while (!finished(job));
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
  const property = fc.asyncProperty(
    wishes,
    fc.constantFrom('plain', 'ramp', 'ordered'),
    async (asked, kind) => {
      const walk = new Walk(db, kinds[kind]);
      await walk.begin();
      for (const wish of asked) {
        await walk.do(wish);
        await walk.look();
      }
      const job = await walk.end();
      const rows = await walk.rows();

      let repeated = 0;
      const counted: Record<string, number> = { ...job.counts };
      for (const { idx, status, attempts } of rows) {
        counted[status] = (counted[status] ?? 0) - 1;
        const answers = walk.target.journal.get(idx) ?? [];
        const said = `record ${idx} is ${status} after ${attempts} attempts: ${answers.join(', ')}`;
        const succeeded = status === 'succeeded' || status === 'retried_success';
        const done = answers.filter((answer) => answer === 'ok').length;
        expect(done, said).toBeGreaterThanOrEqual(Number(succeeded));
        // Only what a process left behind when it died may be done again.
        expect(done, said).toBeLessThanOrEqual(Number(succeeded) + walk.crashes);
        repeated += Math.max(done - 1, 0);
        if (succeeded) expect(answers.at(-1), said).toBe('ok');
        else if (status !== 'skipped') expect(answers.length + walk.crashes, said).toBeGreaterThan(0);
        // What a probe was told in vain counts as no attempt.
        expect(attempts, said).toBeLessThanOrEqual(answers.length + walk.crashes);
        const counting = answers.filter((answer) => answer !== 'down').length;
        expect(attempts, said).toBeGreaterThanOrEqual(counting - walk.crashes);
      }
      expect(repeated).toBeLessThanOrEqual(walk.crashes * 2 * mostAtOnce);
      if (job.orderBy !== null) expect(walk.target.overlaps).toBe(0);
      expect(Object.values(counted).every((count) => count === 0)).toBe(true);
      expect(job.counts.pending + job.counts.processing).toBe(0);
    },
  );

  const limits = { numRuns: 8, endOnFailure: true, interruptAfterTimeLimit: 15_000 };
  await fc.assert(property, { ...limits, examples });
});
