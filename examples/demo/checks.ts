import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { Airports } from '../crm/airports.ts';
import type { BatchStatus, ExportedErrors } from './answers.ts';
import type { Expected } from './expected.ts';
import type { Verdict } from './verdict.ts';

const noCounts: BatchStatus['counts'] = {
  pending: 0,
  processing: 0,
  succeeded: 0,
  failed: 0,
  retried_success: 0,
  retried_failed: 0,
  skipped: 0,
};

/** At every moment each record is counted once. */
export function checkSum(verdict: Verdict, { counts, total }: BatchStatus): void {
  const sum = Object.values(counts).reduce((soFar, count) => soFar + count, 0);
  verdict.equal('the sum of the counts', sum, total);
}

/** What the CRM could take it has, and the rest has failed. */
export function checkImport(
  verdict: Verdict,
  status: BatchStatus,
  airports: Airports,
  { total, taken }: Expected,
): void {
  verdict.equal('the status after the import', status.status, 'completed_with_errors');
  verdict.equal('the counts after the import', status.counts, {
    ...noCounts,
    succeeded: taken.size,
    failed: total - taken.size,
  });
  verdict.sameMembers('the airports in the CRM after the import', airports.created.keys(), taken);
}

/** One group for each reason, one row of the file for each error, and only the maintenance is worth a retry. */
export async function checkErrors(
  verdict: Verdict,
  errors: ExportedErrors,
  { total, taken, inMaintenance, refused }: Expected,
): Promise<void> {
  const sizes = (groups: ExportedErrors['groups']) => groups.map(({ count }) => count).sort((a, b) => b - a);
  const csv: unknown[] = parse(await readFile(errors.files.csv.path), { columns: true });
  verdict.equal('the number of errors', errors.total_failed, total - taken.size);
  verdict.equal('the rows of the exported file', csv.length, errors.total_failed);
  verdict.equal(
    'the sizes of the error groups',
    sizes(errors.groups),
    [...refused.values(), inMaintenance.size].sort((a, b) => b - a),
  );
  verdict.equal(
    'the sizes of the groups worth a retry',
    sizes(errors.groups.filter((group) => group.retryable)),
    [inMaintenance.size],
  );
}

/** The retry has brought in what was in maintenance, and nothing twice. */
export function checkRetry(
  verdict: Verdict,
  status: BatchStatus,
  airports: Airports,
  { total, taken, inMaintenance }: Expected,
): void {
  verdict.equal('the status after the retry', status.status, 'completed_with_errors');
  verdict.equal('the counts after the retry', status.counts, {
    ...noCounts,
    succeeded: taken.size,
    retried_success: inMaintenance.size,
    retried_failed: total - taken.size - inMaintenance.size,
  });
  verdict.sameMembers('the airports in the CRM after the retry', airports.created.keys(), [
    ...taken,
    ...inMaintenance,
  ]);
  verdict.equal('calls that would have created an airport twice', airports.conflicts, 0);
}
