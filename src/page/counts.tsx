import type { RecordCounts } from '../domain/job.ts';
import type { RecordStatus } from '../domain/record.ts';
import { formatCount, inWords } from './format.ts';

/** In the order in which they are shown: what is done, what went wrong, what is left. */
export const countedStatuses = [
  'succeeded',
  'retried_success',
  'failed',
  'retried_failed',
  'skipped',
  'processing',
  'pending',
] as const satisfies readonly RecordStatus[];

export type Counts = RecordCounts;

/** Their sum: the records of the job. */
export const totalOf = (counts: Counts) => countedStatuses.reduce((sum, status) => sum + counts[status], 0);

/** The class that gives a part of the bar, or a swatch, its colour. */
const statusClass = (status: string) => `status-${status.replaceAll('_', '-')}`;

const shownIn = (counts: Counts) => countedStatuses.filter((status) => counts[status] > 0);

/** All statuses as one bar, each as wide as its share. Says nothing to screen readers: `CountsLegend` does. */
export function CountsBar({ counts }: { readonly counts: Counts }) {
  return (
    <div class="counts-bar" aria-hidden="true">
      {shownIn(counts).map((status) => (
        <span key={status} class={statusClass(status)} style={{ flexGrow: counts[status] }} />
      ))}
    </div>
  );
}

/** Each status with its count, and their sum. Statuses without records are left out unless `all`. */
export function CountsLegend({ counts, all = false }: { readonly counts: Counts; readonly all?: boolean }) {
  const shown = all ? countedStatuses : shownIn(counts);
  return (
    <dl class="counts-legend">
      {shown.map((status) => (
        <div key={status}>
          <dt>
            <span class={`swatch ${statusClass(status)}`} aria-hidden="true" />
            {inWords(status)}
          </dt>
          <dd>{formatCount(counts[status])}</dd>
        </div>
      ))}
      <div class="counts-total">
        <dt>total</dt>
        <dd>{formatCount(totalOf(counts))}</dd>
      </div>
    </dl>
  );
}
