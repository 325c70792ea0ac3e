import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { noRetry, type RetryPolicy } from '../domain/retry-policy.ts';

/** What a flow does that says nothing. */
export const defaultRetry: RetryPolicy = {
  retries: 2,
  backoff: 'exponential',
  delayMs: 1_000,
  maxDelayMs: 30_000,
  jitter: true,
};

const defaultMaxDelayMs = 3_600_000;
const longestDelay = '7d';
const longestDelayMs = 7 * 86_400_000;
const mostRetries = 100;

const form = /^(\d{1,4})\s*x\s+(fixed|linear|exponential)\s*\(([^()]{0,100})\)$/;
const limits = `at most ${mostRetries} retries, and waits up to ${longestDelay}`;
const advice = `write it as 3x exponential(30s), 5x fixed(10s, jitter), 4x linear(5s, max 1m) or none; ${limits}`;

/**
 * Reads `Nx fixed|linear|exponential(delay[, jitter][, max delay])`, or `none`. N counts the retries after
 * the first attempt. Undefined when the text is neither.
 */
export function parseRetry(text: string): RetryPolicy | undefined {
  const trimmed = text.trim();
  if (trimmed === 'none') return noRetry;
  const match = form.exec(trimmed);
  if (match === null) return undefined;

  const retries = Number(match[1]);
  const [first = '', ...options] = (match[3] ?? '').split(',').map((option) => option.trim());
  const delayMs = delayOf(first);
  const longest = options.find((option) => option.startsWith('max '));
  const maxDelayMs = longest === undefined ? defaultMaxDelayMs : delayOf(longest.slice(4));
  const jitter = options.includes('jitter');
  const understood = (jitter ? 1 : 0) + (longest === undefined ? 0 : 1);
  if (
    retries > mostRetries ||
    delayMs === undefined ||
    maxDelayMs === undefined ||
    options.length !== understood
  ) {
    return undefined;
  }
  return {
    retries,
    backoff: match[2] as RetryPolicy['backoff'],
    delayMs,
    maxDelayMs: Math.max(delayMs, maxDelayMs),
    jitter,
  };
}

function delayOf(text: string | number): number | undefined {
  const ms = parseDuration(text);
  return ms !== undefined && ms <= longestDelayMs ? ms : undefined;
}

const delayWords = `must be a duration up to ${longestDelay}, such as 30s`;

const retryText = z.string().transform((text, context): RetryPolicy => {
  const policy = parseRetry(text);
  if (policy !== undefined) return policy;
  context.addIssue({ code: 'custom', message: 'is not understood', params: { suggestion: advice } });
  return z.NEVER;
});

const delay = z.union([z.string(), z.number()], { error: delayWords }).transform((text, context): number => {
  const ms = delayOf(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: delayWords });
  return z.NEVER;
});

const attempts = `must be a whole number from 1 to ${mostRetries + 1}`;

const retryMap = z
  .strictObject({
    max_attempts: z
      .int(attempts)
      .min(1, attempts)
      .max(mostRetries + 1, attempts)
      .describe('Counts the first attempt too.'),
    delay: delay.optional().describe('Wait before the first retry; 1s unless given.'),
    backoff: z.enum(['fixed', 'linear', 'exponential']).optional(),
    jitter: z.boolean().optional(),
    max_delay: delay.optional(),
  })
  .transform(
    ({
      max_attempts,
      delay: delayMs = 1_000,
      backoff = 'exponential',
      jitter = false,
      max_delay = defaultMaxDelayMs,
    }): RetryPolicy => ({
      retries: max_attempts - 1,
      backoff,
      delayMs,
      maxDelayMs: Math.max(delayMs, max_delay),
      jitter,
    }),
  );

/** Both ways to write a retry policy. */
export const retrySchema = z.union([retryText, retryMap], {
  error: 'must be a text such as 3x exponential(1s), or a map with max_attempts',
});
