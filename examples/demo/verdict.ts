import { isDeepStrictEqual } from 'node:util';

/** Collects what is not as it has to be, so that one run names everything. */
export class Verdict {
  readonly problems: string[] = [];

  equal(what: string, actual: unknown, expected: unknown): void {
    if (isDeepStrictEqual(actual, expected)) return;
    this.problems.push(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
  }

  sameMembers(what: string, actual: Iterable<string>, expected: Iterable<string>): void {
    const have = new Set(actual);
    const want = new Set(expected);
    const missing = [...want].filter((member) => !have.has(member));
    const extra = [...have].filter((member) => !want.has(member));
    if (missing.length > 0) this.problems.push(`${what}: ${missing.length} missing, ${listed(missing)}`);
    if (extra.length > 0) this.problems.push(`${what}: ${extra.length} too many, ${listed(extra)}`);
  }
}

const listed = (members: readonly string[]) =>
  `such as ${members
    .slice(0, 3)
    .map((member) => JSON.stringify(member))
    .join(', ')}`;
