/**
 * Milliseconds of processor time this process has taken so far. Says how much work something is, however busy the
 * machine is with other things.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What the work of `slowness` takes where the limits of tests were set, in milliseconds. */
const usualMs = 17;

/**
 * How many times slower the processor is at present than where the limits of tests were set; at least 1. On machines
 * that are shared it may be half as fast for some minutes.
 */
export function slowness(): number {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `n${id}`, tags: [id, String(id)] }));
  const times = [1, 2, 3].map(() => {
    const begun = cpuMs();
    for (let round = 0; round < 2; round++) JSON.parse(JSON.stringify(rows));
    return cpuMs() - begun;
  });
  return Math.max(1, Math.min(...times) / usualMs);
}
