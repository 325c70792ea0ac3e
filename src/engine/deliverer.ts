import { randomUUID } from 'node:crypto';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { RecordFailure } from '../domain/failure.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import {
  type ClaimedDelivery,
  claimDeliveries,
  giveUpOld,
  markDelivered,
  markFailed,
  nextDeliveryInMs,
  owesDeliveries,
  returnDelivery,
} from '../store/delivery-attempts.ts';
import { faultPoint } from './fault-points.ts';
import { type Log, nameOf } from './log.ts';
import type { Observer } from './observer.ts';
import { WakeUp } from './wake-up.ts';

const minute = 60_000;
const hour = 60 * minute;

/** Waits between the attempts at one delivery: about a day in all. */
const dayOfWaits = [
  5000,
  30_000,
  2 * minute,
  10 * minute,
  30 * minute,
  hour,
  2 * hour,
  4 * hour,
  8 * hour,
  8 * hour,
];
/** Older ones are given up where a crowd waits for a receiver that is dead, so that it comes to an end. */
const oldestMs = 26 * hour;
/** So many refusals in a row make a receiver dead for that. */
const deadAfter = 25;
/** Deliveries under way at once. */
const atOnce = 5;
/** A claim is held for longer than a connector lets a call take. */
const holdMs = minute;
/** A receiver that took none of the last calls is asked at least this often. */
const longestRestMs = minute;
/** How often a process looks for what others owe, and for connectors that have become usable. */
const lookMs = 30_000;
const afterTroubleMs = 5000;

export interface DelivererOptions {
  readonly db: Database;
  readonly openConnectors: () => Promise<ConnectorRegistry>;
  readonly log: Log;
  readonly observer?: Observer | undefined;
  /** Waits between attempts, in milliseconds; behind the last one a delivery is given up. Default: about a day. */
  readonly waitsMs?: readonly number[] | undefined;
}

/** What came of an attempt that was not accepted. */
interface Refusal {
  /** In Sluice's words. */
  readonly message: string;
  /** The receiver has trouble with any call, so others would fail as well. */
  readonly general: boolean;
  readonly retryAfterMs: number;
  /** 410: the receiver wants nothing more. */
  readonly forGood: boolean;
}

/**
 * Sends the callbacks that jobs owe, from whatever process: at least once, each with its own id, in no
 * particular order. Neither a lane nor a job ever waits for it.
 *
 * Sleeps when nothing is owed, until it is woken.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #waitsMs: readonly number[];
  readonly #wakeUp = new WakeUp();
  readonly #abort = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  /** Connectors whose receivers have trouble: how often in a row, and until when they are left alone. */
  readonly #resting = new Map<string, { readonly times: number; readonly until: number }>();
  #working: Promise<void> | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #stopping = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#waitsMs = options.waitsMs ?? dayOfWaits;
  }

  /** Looks for what is owed now, and goes on until nothing is. */
  wake(): void {
    if (this.#stopping) return;
    this.#working ??= this.#work();
    this.#wakeUp.ring();
  }

  /** Ends within about `graceMs`; an attempt that is cut off is made again later. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.ring();
    const timer = setTimeout(() => this.#abort.abort(), graceMs);
    await this.#working;
    await Promise.all(this.#underWay);
    clearTimeout(timer);
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    while (!this.#stopping) {
      const wait = await this.#round();
      if (wait === undefined && this.#underWay.size === 0 && !this.#wakeUp.pending) break;
      await this.#wakeUp.wait(wait ?? lookMs);
    }
    this.#working = undefined;
  }

  /** Starts what is due. Returns after how many milliseconds to look again; undefined: nothing is owed. */
  async #round(): Promise<number | undefined> {
    const { db, openConnectors, log } = this.#options;
    try {
      // Asked first, so that a process without callbacks never opens connectors for them.
      if (this.#underWay.size === 0 && !(await owesDeliveries(db))) return undefined;
      const registry = await openConnectors();
      const usable = webhooksOf(registry);
      await this.#sweep(usable);
      const awake = usable.filter((name) => this.#restOf(name) === 0);
      const limit = atOnce - this.#underWay.size;
      const claim = randomUUID();
      const claimed = await claimDeliveries(db, { claim, connectors: awake, limit, holdMs });
      for (const delivery of claimed) this.#start(registry, delivery, claim);
      if (this.#underWay.size === atOnce) return lookMs;
      return await this.#nextIn(usable);
    } catch (error) {
      log.warn({ error: nameOf(error) }, 'deliveries could not be looked for');
      return afterTroubleMs;
    }
  }

  /** Gives up what no process could send for so long. */
  async #sweep(usable: readonly string[]): Promise<void> {
    if (performance.now() - this.#sweptAt < lookMs) return;
    this.#sweptAt = performance.now();
    await giveUpOld(this.#options.db, { usable }, oldestMs, 'No process could use the connector');
  }

  async #nextIn(usable: readonly string[]): Promise<number | undefined> {
    const waits: number[] = [];
    for (const name of usable) {
      const due = await nextDeliveryInMs(this.#options.db, [name]);
      if (due !== undefined) waits.push(Math.max(due, this.#restOf(name)));
    }
    return waits.length === 0 ? undefined : Math.min(...waits, lookMs);
  }

  /** Milliseconds for which a connector is left alone. */
  #restOf(connector: string): number {
    return Math.max((this.#resting.get(connector)?.until ?? 0) - performance.now(), 0);
  }

  #start(registry: ConnectorRegistry, delivery: ClaimedDelivery, claim: string): void {
    const attempt = this.#attempt(registry, delivery, claim)
      .catch((error: unknown) => {
        // Its claim runs out, and then it is due again.
        this.#options.log.warn({ error: nameOf(error) }, 'what came of a delivery could not be written down');
      })
      .finally(() => {
        this.#underWay.delete(attempt);
        this.#wakeUp.ring();
      });
    this.#underWay.add(attempt);
  }

  async #attempt(registry: ConnectorRegistry, delivery: ClaimedDelivery, claim: string): Promise<void> {
    const { db, log } = this.#options;
    const { id, connector, body } = delivery;
    try {
      await registry.webhook(connector).send(id, body, this.#abort.signal);
    } catch (error) {
      if (this.#abort.signal.aborted) return returnDelivery(db, id, claim);
      const refusal = refusalOf(error);
      if (refusal === undefined) log.error({ error: nameOf(error), connector }, 'a delivery broke');
      return this.#refused(delivery, claim, refusal ?? broken);
    }
    this.#options.observer?.delivered(true);
    faultPoint('after_delivery');
    this.#resting.delete(connector);
    await markDelivered(db, id);
  }

  async #refused(delivery: ClaimedDelivery, claim: string, refusal: Refusal): Promise<void> {
    const { db } = this.#options;
    this.#options.observer?.delivered(false);
    const { id, connector, attempts } = delivery;
    const planned = refusal.forGood ? undefined : this.#waitsMs[attempts - 1];
    const waitMs = planned && Math.max(planned * (1 + Math.random() / 5), refusal.retryAfterMs);
    const error = refusal.message;
    const isDead = refusal.general && this.#rest(connector, refusal.retryAfterMs) >= deadAfter;
    await markFailed(db, { id, claim, error, waitMs });
    // There may be so many that the turn of most never comes.
    if (isDead) await giveUpOld(db, { connector }, oldestMs, error);
  }

  /** Leaves a connector alone for a while. Returns how many of its calls have been refused in a row. */
  #rest(connector: string, retryAfterMs: number): number {
    const times = (this.#resting.get(connector)?.times ?? 0) + 1;
    const planned = Math.min(this.#waitsMs[Math.ceil(times / atOnce) - 1] ?? longestRestMs, longestRestMs);
    const until = performance.now() + Math.max(planned, Math.min(retryAfterMs, longestRestMs));
    this.#resting.set(connector, { times, until });
    return times;
  }
}

/** Connectors that take callbacks and lack nothing in this process. */
const webhooksOf = ({ listings }: ConnectorRegistry) =>
  listings.flatMap(({ name, type, obstacle }) =>
    type === 'webhook' && obstacle === undefined ? [name] : [],
  );

const broken: Refusal = {
  message: 'The callback broke in a way that should not happen',
  general: false,
  retryAfterMs: 0,
  forGood: false,
};

/** Undefined: not what connectors throw. */
function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof SluiceError) return { ...broken, message: error.message };
  if (!(error instanceof RecordFailure)) return undefined;
  const { class: errorClass, code, message, retryAfterMs = 0 } = error.failure;
  const general = errorClass === 'transient' || errorClass === 'auth';
  return { message, general, retryAfterMs, forGood: code === 'http_410' };
}
