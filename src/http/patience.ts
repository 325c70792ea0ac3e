/** A response waits this long at most for what it is about to be done; then it is fetched later. */
const patienceSeconds = 25;

/** As RFC 7240 has it, a caller may want its answer sooner: `Prefer: respond-async`, `Prefer: wait=5`. In seconds. */
export function patienceOf(prefer = ''): number {
  if (/\brespond-async\b/i.test(prefer)) return 0;
  const wanted = /\bwait=(\d{1,4})\b/i.exec(prefer)?.[1];
  return wanted === undefined ? patienceSeconds : Math.min(Number(wanted), patienceSeconds);
}
