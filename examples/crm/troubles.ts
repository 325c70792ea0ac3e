import { createHash } from 'node:crypto';

/**
 * What goes wrong with an airport the CRM would otherwise take.
 *
 * - `crash`: the first call is answered 500
 * - `throttle`: the first call is answered 429 with `Retry-After: 1`
 * - `maintenance`: every call is answered 503 until the maintenance ends
 */
export type Trouble = 'crash' | 'throttle' | 'maintenance';

/**
 * Which trouble an airport meets, if any: about 1 % crash, 1 % are throttled, 0.5 % are in maintenance.
 *
 * The same seed gives the same airports the same troubles, on every machine.
 */
export function troubleOf(code: string, seed: number): Trouble | undefined {
  const perMille = createHash('sha256').update(`${seed}:${code}`).digest().readUInt32BE(0) % 1000;
  if (perMille < 10) return 'crash';
  if (perMille < 20) return 'throttle';
  if (perMille < 25) return 'maintenance';
  return undefined;
}
