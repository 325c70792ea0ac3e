import type { MiddlewareHandler } from 'hono';
import type { Rate } from '../domain/rate.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { HttpEnvironment } from './environment.ts';

/** Starts within this part of a window are kept as one, so that a caller costs little memory however often it calls. */
const grain = 0.01;
/** Callers that are remembered before those who have not called for a window are forgotten. */
const rememberedAtMost = 1000;

/** How many records each caller may start in a time. The operator has no limit. */
export interface RateLimits {
  /**
   * Returns what gives the records back, for those who start nothing after all.
   *
   * @throws SluiceError `rate_limited` when the caller has to wait; then nothing is counted.
   */
  spend(owner: string, records: number): () => void;
  /** What is left for a caller now, and in how many milliseconds all of it comes back. */
  left(owner: string): { readonly limit: number; readonly remaining: number; readonly resetMs: number };
}

interface Spent {
  /** When the first of them was started. */
  readonly since: number;
  /** The last of them; until a window has gone by since then, they count. */
  at: number;
  records: number;
}

/** No window of the rate's length, wherever it begins, holds more records of one caller than the rate says. */
export function createRateLimits(rate: Rate, now = () => performance.now()): RateLimits {
  const callers = new Map<string, Spent[]>();

  const spentBy = (owner: string): Spent[] => {
    const spent = (callers.get(owner) ?? []).filter(
      ({ at, records }) => records > 0 && at + rate.windowMs > now(),
    );
    if (spent.length === 0) callers.delete(owner);
    else callers.set(owner, spent);
    return spent;
  };

  return {
    spend(owner, records) {
      const spent = spentBy(owner);
      const free = rate.count - sumOf(spent);
      if (records > free) throw tooMany(rate, records, waitFor(spent, records - free, rate) - now());
      if (callers.size > rememberedAtMost) for (const other of callers.keys()) spentBy(other);
      const last = spent.at(-1);
      const isRecent = last !== undefined && now() - last.since < rate.windowMs * grain;
      const counted = isRecent ? last : { since: now(), at: now(), records: 0 };
      if (!isRecent) callers.set(owner, [...spent, counted]);
      Object.assign(counted, { at: now(), records: counted.records + records });
      return () => {
        counted.records -= records;
      };
    },
    left(owner) {
      const spent = spentBy(owner);
      const resetMs = Math.max((spent.at(-1)?.at ?? Number.NEGATIVE_INFINITY) + rate.windowMs - now(), 0);
      return { limit: rate.count, remaining: rate.count - sumOf(spent), resetMs };
    },
  };
}

const sumOf = (spent: readonly Spent[]) => spent.reduce((sum, { records }) => sum + records, 0);

/** When so many records have left the window; Infinity: it never holds as many. */
function waitFor(spent: readonly Spent[], records: number, { windowMs }: Rate): number {
  let freed = 0;
  for (const { at, records: some } of spent) {
    freed += some;
    if (freed >= records) return at + windowMs;
  }
  return Number.POSITIVE_INFINITY;
}

function tooMany({ count, windowMs }: Rate, records: number, waitMs: number): SluiceError {
  const limit = `${count} records in ${windowMs / 1000} seconds`;
  if (waitMs === Number.POSITIVE_INFINITY) {
    return new SluiceError(
      'rate_limited',
      `The call brings ${records} records, and ${limit} is all this token may start. Send fewer at once, or a file as source, which counts as one. Nothing was started.`,
    );
  }
  const seconds = Math.ceil(waitMs / 1000);
  return new SluiceError(
    'rate_limited',
    `This token may start ${limit}, and ${records} more are too many now. Try again in ${seconds} s. Nothing was started.`,
    { retryAfterMs: waitMs },
  );
}

/** Tells callers who have a limit what is left of it. */
export function tellRateLimit(limits: RateLimits): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    await next();
    // What is answered past this framework has gone out by now.
    const owner = c.get('principal')?.owner ?? null;
    if (owner === null || c.env.outgoing.headersSent) return;
    const { limit, remaining, resetMs } = limits.left(owner);
    c.header('RateLimit-Limit', String(limit));
    c.header('RateLimit-Remaining', String(remaining));
    c.header('RateLimit-Reset', String(Math.ceil(resetMs / 1000)));
  };
}
