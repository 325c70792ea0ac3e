import type { ClaimedRecord } from '../domain/record.ts';

export interface Cutting {
  /** Records in one run, at most. */
  readonly size: number;
  /** Others may come. */
  readonly more: boolean;
  /** So many of the first records have waited for others already. */
  readonly waited: number;
}

type Run = ClaimedRecord[];

export interface Cut {
  readonly runs: Run[];
  /** Records that wait for others to make a run. */
  readonly rest: readonly ClaimedRecord[];
}

/**
 * Cuts records into runs.
 *
 * Those of a run that broke, and may have called somebody, make a run again, with no others: so their calls are the
 * same calls. Where not all of them are there the next records may bring the others; for these nobody waits twice.
 * Other records that have been tried make runs of their own, at once. So those that have not are cut at the same
 * places by a process that takes them over.
 */
export function cutRuns(records: readonly ClaimedRecord[], cutting: Cutting): Cut {
  const { size, more } = cutting;
  if (size === 1) return { runs: records.map((record) => [record]), rest: [] };
  const { runs, parts, others } = brokenRunsIn(records, cutting);
  const tried = others.filter(({ tries }) => tries > 0);
  const untried = others.filter(({ tries }) => tries === 0);
  const whole = more ? untried.length - (untried.length % size) : untried.length;
  runs.push(...slices(tried, size), ...slices(untried.slice(0, whole), size));
  return { runs: runs.sort(inStartOrder), rest: [...parts, ...untried.slice(whole)] };
}

const slices = (records: Run, size: number): Run[] =>
  Array.from({ length: Math.ceil(records.length / size) }, (_, at) =>
    records.slice(at * size, (at + 1) * size),
  );

/** Nothing starts long before others with a lower index: a rescue takes these for the ones that were under way. */
const inStartOrder = (a: Run, b: Run): number => (a.at(-1)?.index ?? 0) - (b.at(-1)?.index ?? 0);

/** `parts`: of runs whose other records may come. */
function brokenRunsIn(records: readonly ClaimedRecord[], { size, more, waited }: Cutting) {
  const left = new Map(records.map((record) => [record.index, record]));
  const runs: Run[] = [];
  const parts: ClaimedRecord[] = [];
  for (const [place, record] of records.entries()) {
    const indexes = left.has(record.index) ? brokenRunOf(record, size) : [];
    const members = indexes.flatMap((index) => left.get(index) ?? []);
    const isWhole = members.length === indexes.length;
    if (indexes.length === 0 || !(isWhole || (more && place >= waited))) continue;
    for (const { index } of members) left.delete(index);
    if (isWhole) runs.push(members);
    else parts.push(...members);
  }
  return { runs, parts, others: [...left.values()].sort((a, b) => a.index - b.index) };
}

/** Indexes of the run that broke and began with this record. */
function brokenRunOf({ progress }: ClaimedRecord, size: number): readonly number[] {
  const indexes = progress?.indexes ?? [];
  return indexes.length <= size ? indexes : [];
}
