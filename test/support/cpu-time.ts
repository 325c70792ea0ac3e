/**
 * Milliseconds of processor time this process has taken so far. Says how much work something is, however busy the
 * machine is with other things.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What a round of the work of `slowness` takes where the limits of tests were set, in milliseconds. */
const usualMs = 8.5;

/**
 * How many times slower the processor is at present than where the limits of tests were set; at least 1. On machines
 * that are shared it may be half as fast for some minutes.
 */
export function slowness(): number {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `n${id}`, tags: [id, String(id)] }));
  const begun = cpuMs();
  const rounds = 10;
  for (let round = 0; round < rounds; round++) JSON.parse(JSON.stringify(rows));
  return Math.max(1, (cpuMs() - begun) / rounds / usualMs);
}
