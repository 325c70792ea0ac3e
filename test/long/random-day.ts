import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from '../faults/arena.ts';
import { watchCounts } from '../faults/witness.ts';
import type { Answer, SluiceProcess } from '../support/sluice-process.ts';
import { countRetriable, countShownFailures, type Retriable } from './random-verdict.ts';
import { flowName, RandomWorld, randomOf } from './random-world.ts';

/** A job as the one who started it knows it. */
export interface KnownJob {
  readonly id: string;
  /** Beginning of the ids of its things. */
  readonly shelf: string;
  readonly method: 'POST' | 'DELETE';
  /** Records given; an undo job is given none. */
  readonly given: number | undefined;
  readonly watch: ReturnType<typeof watchCounts>;
  /** It was told to pause, and not to go on. */
  isHeld: boolean;
  /** It was told to stop, and nothing of it was sent again. */
  isCancelled: boolean;
}

/** When nothing of a shelf may be called, in milliseconds of `performance.now()`. */
export interface Silence {
  readonly shelf: string;
  readonly method: string;
  readonly why: string;
  readonly from: number;
  to: number;
}

/** What `update_batch` is told. */
interface Change {
  readonly action?: 'pause' | 'resume' | 'cancel';
  readonly now?: boolean;
  readonly concurrency?: number;
  readonly max_failures?: null;
  readonly rate?: string;
}

/** How often each thing is done, beside the others. */
const actions = {
  start: 3,
  update: 4,
  look: 2,
  retry: 3,
  undo: 2,
  kill: 1,
  close: 1,
  cut: 1,
  mend: 1,
} as const;
type Action = keyof typeof actions;
const lot = Object.entries(actions).flatMap(([name, weight]) => Array<Action>(weight).fill(name as Action));

/** Two servers on one database, and somebody who does with them whatever the seed says. */
export class RandomDay {
  readonly world: RandomWorld;
  readonly jobs: KnownJob[] = [];
  readonly silences: Silence[] = [];
  /** Codes of the refusals, or their text when they have none. */
  readonly refusals: string[] = [];
  /** What was done, to be read when something went wrong. */
  readonly diary: string[] = [];
  /** Contradictions. */
  readonly wrong: string[] = [];
  /** Records of one job under way at one time, at most. */
  readonly mostAtOnce = 8;
  /** Kills of a server and cuts of all connections. */
  interruptions = 0;
  private readonly random: () => number;
  private servers: SluiceProcess[] = [];

  constructor(
    private readonly arena: Arena,
    seed: number,
  ) {
    this.random = randomOf(seed);
    this.world = new RandomWorld(arena, randomOf(seed + 1000));
  }

  async spend(steps: number): Promise<void> {
    this.servers = [await this.arena.start(), await this.arena.start()];
    await this.start();
    for (let step = 1; step < steps; step++) {
      await this[this.oneOf(lot)]();
      await sleep(this.below(250));
    }
    this.world.isMended = true;
    for (const job of this.jobs) await this.seeEnd(job);
    for (const { watch } of this.jobs) this.wrong.push(...(await watch.stop()));
    for (const server of this.servers) await this.dismiss(server);
  }

  private async start(): Promise<void> {
    const shelf = `s${this.jobs.length}-`;
    const records = Array.from({ length: 1 + this.below(120) }, (_, n) => ({
      id: `${shelf}${n}`,
      name: this.chance(0.03) ? '' : `n${n}`,
    }));
    const batch = [
      {},
      { continue_on_error: false },
      { max_failures: 5 },
      { max_failures: 4, on_limit: 'pause' },
    ];
    const args = {
      flow_id: flowName,
      ...(this.chance(0.5) ? { records } : { source: { path: this.fileOf(shelf, records) } }),
      concurrency: this.someConcurrency(),
      batch: this.oneOf(batch),
      idempotency_key: shelf,
    };
    const { answer: first } = await this.callInDanger('start_batch', args);
    const answer = first ?? (await this.call('start_batch', args));
    if (answer === undefined) return void this.wrong.push(`${shelf} could not be started`);
    const again = this.chance(0.3) ? await this.call('start_batch', args) : answer;
    if (again?.batch_job_id !== answer.batch_job_id) this.wrong.push(`${shelf} was started twice`);
    this.know(answer.batch_job_id, { shelf, method: 'POST', given: records.length });
  }

  private fileOf(shelf: string, records: readonly { id: string; name: string }[]): string {
    const path = join(this.arena.home, `${shelf}.csv`);
    writeFileSync(path, `id,name\n${records.map(({ id, name }) => `${id},${name}\n`).join('')}`);
    return path;
  }

  private async update(): Promise<void> {
    const job = this.someJob();
    if (job === undefined) return;
    const change = this.oneOf<Change>([
      { action: 'pause' },
      { action: 'pause', now: true },
      { action: 'resume' },
      { action: 'resume' },
      { action: 'cancel' },
      { action: 'cancel', now: true },
      { concurrency: this.someConcurrency() },
      { max_failures: null },
      { rate: '20/s' },
      { rate: 'off' },
    ]);
    await this.tell(job, change);
  }

  private async tell(job: KnownJob, change: Change): Promise<void> {
    if (change.action === 'resume' || change.action === 'cancel') this.endSilence(job);
    const answer = await this.call('update_batch', { batch_job_id: job.id, ...change });
    if (change.action !== undefined) job.isHeld = change.action === 'pause' && answer?.status === 'paused';
    if (change.action === 'cancel' && answer !== undefined) job.isCancelled = true;
  }

  private async look(job = this.someJob()): Promise<Answer | undefined> {
    const answer = job && (await this.call('get_batch_status', { batch_job_id: job.id, wait_seconds: 0 }));
    if (job === undefined || answer === undefined) return undefined;
    if (answer.finished) this.beginSilence(job, 'its end');
    if (job.isHeld && answer.status === 'paused' && answer.counts.processing === 0)
      this.beginSilence(job, 'its pause');
    return answer;
  }

  private async retry(): Promise<void> {
    const job = this.someJob();
    if (job === undefined) return;
    const select = this.oneOf<Retriable>([
      {},
      {},
      { statuses: ['skipped'] },
      { statuses: ['failed', 'retried_failed', 'skipped'] },
      { indexes: [0, 1, 2, 3, 4, 5, 6] },
      { maybe_applied: true },
    ]);
    const patch = this.chance(0.2) && job.method === 'POST' ? { patch: { set: { name: 'mended' } } } : {};
    const wish = { batch_job_id: job.id, select, ...patch };
    const expected = job.method === 'POST' ? await countRetriable(this.arena.db, job.id, select) : undefined;
    if (this.chance(0.3)) {
      const preview = await this.call('retry_batch_failed_records', { ...wish, preview: true });
      this.compare(`preview of a retry of ${job.shelf}`, preview?.selected, expected);
    }
    this.endSilence(job);
    const { answer, isCertain } = await this.callInDanger('retry_batch_failed_records', wish);
    this.compare(`retry of ${job.shelf}`, answer?.selected, expected);
    if (answer !== undefined || !isCertain) job.isCancelled = false;
  }

  private async undo(): Promise<void> {
    const original = this.oneOf(this.jobs.filter(({ method }) => method === 'POST'));
    if (original === undefined) return;
    this.endSilence({ ...original, method: 'DELETE' });
    const { id, shelf } = original;
    const answer = await this.call('undo_batch', {
      batch_job_id: id,
      preview: this.chance(0.2),
      concurrency: this.someConcurrency(),
      ...(this.chance(0.3) ? { select: { indexes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] } } : {}),
    });
    const made = answer?.batch_job_id ?? id;
    if (made !== id) this.know(made, { shelf, method: 'DELETE', given: undefined });
  }

  private async kill(): Promise<void> {
    this.diary.push('kill');
    this.interruptions += 1;
    const victim = this.oneOf(this.servers);
    this.servers = this.servers.filter((server) => server !== victim);
    await victim?.kill();
    this.servers.push(await this.arena.start());
  }

  private async close(): Promise<void> {
    this.diary.push('close');
    const next = await this.arena.start();
    const victim = this.oneOf(this.servers);
    this.servers = [...this.servers.filter((server) => server !== victim), next];
    if (victim !== undefined) await this.dismiss(victim);
  }

  private async dismiss(server: SluiceProcess): Promise<void> {
    await server.close();
    await server.exited;
    if (/unexpected error|\n\s+at /.test(server.stderr)) this.wrong.push(server.stderr.slice(0, 2000));
  }

  private async cut(): Promise<void> {
    this.diary.push('cut');
    this.interruptions += 1;
    await this.arena.db.run(
      (sql) => sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name like 'sluice%'`,
    );
  }

  private async mend(): Promise<void> {
    this.world.isMended = this.chance(0.5);
  }

  /** Lets a job go on until it has ended, and looks at what is said of it then. */
  private async seeEnd(job: KnownJob): Promise<void> {
    const until = performance.now() + 60_000;
    let answer = await this.look(job);
    while (answer?.finished !== true) {
      if (performance.now() > until)
        return void this.wrong.push(`${job.shelf} does not end: ${JSON.stringify(answer)}`);
      if (answer?.status === 'paused') await this.tell(job, { action: 'resume', max_failures: null });
      await sleep(50);
      answer = await this.look(job);
    }
    this.compare(
      `failures shown of ${job.shelf}`,
      await countShownFailures(this.anyServer(), job.id),
      answer.failed_now,
    );
    if (job.isCancelled) this.compare(`status of ${job.shelf}`, answer.status, 'cancelled');
    if (answer.status === 'completed')
      this.compare(`records of ${job.shelf}`, answer.total, job.given ?? answer.total);
  }

  private know(id: string, job: Pick<KnownJob, 'shelf' | 'method' | 'given'>): void {
    const watch = watchCounts(this.arena.db, id);
    this.jobs.push({ ...job, id, watch, isHeld: false, isCancelled: false });
  }

  private compare(what: string, found: unknown, expected: unknown): void {
    if (found === undefined || expected === undefined || found === expected) return;
    this.wrong.push(`${what}: ${String(found)}, not ${String(expected)}`);
  }

  private beginSilence({ shelf, method, id }: KnownJob, why: string): void {
    const newest = this.jobs.findLast((job) => job.shelf === shelf && job.method === method);
    // Another undo of the same job may be at work.
    if (newest?.id !== id || this.silences.some((silence) => isOpen(silence, { shelf, method }))) return;
    this.silences.push({ shelf, method, why, from: performance.now(), to: Infinity });
  }

  private endSilence(job: Pick<KnownJob, 'shelf' | 'method'>): void {
    for (const silence of this.silences) if (isOpen(silence, job)) silence.to = performance.now();
  }

  /** The answer of a tool, or undefined when it refused or its server was killed over it. */
  private async call(tool: string, args: Record<string, unknown>): Promise<Answer | undefined> {
    this.diary.push(`${tool} ${JSON.stringify(args).slice(0, 200)}`);
    try {
      const answer = await this.anyServer().call(tool, args);
      if (answer.counts !== undefined) {
        const sum = Object.values(answer.counts).reduce((counted, count) => counted + count, 0);
        this.compare(`counts of ${tool}`, sum, answer.total);
      }
      return answer;
    } catch (error) {
      const text = String(error);
      this.diary.push(`  refused: ${text.slice(0, 300)}`);
      this.refusals.push(/\[(\w+)\]/.exec(text)?.[1] ?? text.slice(0, 200));
      return undefined;
    }
  }

  /** The same, sometimes with a kill of one of the servers meanwhile. */
  private async callInDanger(tool: string, args: Record<string, unknown>) {
    const isCertain = !this.chance(0.15);
    const killed = isCertain ? undefined : this.kill();
    const answer = await this.call(tool, args);
    await killed;
    return { answer, isCertain };
  }

  private anyServer = () => this.oneOf(this.servers) as SluiceProcess;
  private someJob = () => this.oneOf(this.jobs);
  private someConcurrency = () => 1 + this.below(this.mostAtOnce);
  private below = (count: number) => Math.floor(this.random() * count);
  private chance = (share: number) => this.random() < share;
  private oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

const isOpen = ({ shelf, method, to }: Silence, job: Pick<KnownJob, 'shelf' | 'method'>) =>
  to === Infinity && shelf === job.shelf && method === job.method;
