import { segment, send } from './api.ts';
import { counted, formatCount } from './format.ts';
import { ErrorGroups } from './groups.tsx';
import type { SteeringProps } from './job-steering.tsx';
import { FailureNote } from './notes.tsx';
import { RetryButton } from './retry-button.tsx';
import { useCall } from './use-call.ts';

/** Why records have failed, and what can be done about it. */
export function JobFailures({ job, onChanged }: SteeringProps) {
  const call = useCall();
  const download = useCall();
  const more = job.more_error_groups;
  const maybeApplied = job.error_groups.reduce((sum, group) => sum + (group.maybe_applied ?? 0), 0);
  const sorted = job.error_groups.reduce((sum, { count }) => sum + count, more?.failures ?? 0);
  // Counts come with each event, causes are asked for: what has failed since then is among none of them.
  const newer = Math.max(job.failed_now - sorted, 0);
  const retry = { job, call, onRetried: onChanged };
  return (
    <section aria-labelledby="failures">
      <div class="heading">
        <h2 id="failures">{counted(job.failed_now, 'failure')} by cause</h2>
        <div class="buttons">
          <button
            type="button"
            aria-disabled={download.isBusy}
            onClick={() => download.run(() => saveErrors(job.batch_job_id))}
          >
            Download as CSV
          </button>
          <RetryButton
            {...retry}
            label={`Retry all ${formatCount(job.failed_now)}`}
            select={{}}
            maybeApplied={maybeApplied}
          />
        </div>
      </div>
      {job.finished ? null : (
        <p class="muted">
          They can be retried once the job has finished.
          {newer === 0 ? '' : ` The newest ${formatCount(newer)} are not sorted by cause yet.`}
        </p>
      )}
      <FailureNote failure={call.failure ?? download.failure} />
      <ErrorGroups
        groups={job.error_groups}
        action={({ group_id: groupId, maybe_applied: lost, count }) => (
          <RetryButton
            {...retry}
            label={`Retry ${formatCount(count)}`}
            select={{ group_ids: [groupId] }}
            maybeApplied={lost ?? 0}
          />
        )}
      />
      {more === undefined ? null : (
        <p class="muted">
          And {counted(more.failures, 'failure')} of {counted(more.groups, 'other cause')}.
        </p>
      )}
    </section>
  );
}

/** Fetched, since a link cannot send a token. */
async function saveErrors(batchJobId: string): Promise<void> {
  const response = await send(`/batches/${segment(batchJobId)}/errors.csv`);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = `${batchJobId}-errors.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
