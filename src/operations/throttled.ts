import { z } from 'zod';
import type { BatchJob } from '../store/jobs.ts';

export const throttledOutput = z.array(
  z.object({
    connector: z.string(),
    per_second: z.number(),
    concurrency: z.number(),
    text: z.string(),
  }),
);

/** What connectors hold a job back to; undefined: nothing. */
export function throttledOf({ throttle }: BatchJob): z.output<typeof throttledOutput> | undefined {
  if (throttle === null || throttle.length === 0) return undefined;
  return throttle.map(({ connector, perSecond, concurrency, restMs }) => {
    const rate = Math.round(perSecond * 10) / 10;
    const rest = restMs > 0 ? `, which asked for a rest of ${Math.ceil(restMs / 1000)} s` : '';
    return { connector, per_second: rate, concurrency, text: `throttled by ${connector}: ${rate}/s${rest}` };
  });
}
