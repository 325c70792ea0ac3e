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
 * The limit for something that took `tookMs`, all in milliseconds. On machines that are shared the processor may be
 * half as fast for some minutes, so what is over the limit is seen beside fixed work done at that moment.
 */
export const limitFor = (tookMs: number, limitMs: number): number =>
  tookMs < limitMs ? limitMs : limitMs * slowness();

/** How many times slower the processor is at present than where the limits of tests were set; at least 1. */
function slowness(): number {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `n${id}`, tags: [id, String(id)] }));
  const begun = cpuMs();
  const rounds = 10;
  for (let round = 0; round < rounds; round++) JSON.parse(JSON.stringify(rows));
  return Math.max(1, (cpuMs() - begun) / rounds / usualMs);
}
