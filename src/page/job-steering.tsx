import type { Job } from './answers.ts';
import { ask, segment } from './api.ts';
import { ConfirmButton } from './confirm-button.tsx';
import { counted, formatCount } from './format.ts';
import { FailureNote } from './notes.tsx';
import { useCall } from './use-call.ts';

export interface SteeringProps {
  readonly job: Job;
  readonly onChanged: () => void;
}

/** Pause, resume and cancel while a job runs; afterwards what was left undone can go on. */
export function JobSteering({ job, onChanged }: SteeringProps) {
  const { isBusy, failure, run } = useCall();
  const path = `/batches/${segment(job.batch_job_id)}`;
  const steer = (action: string) =>
    run(() => ask(path, { method: 'PATCH', body: { action } })).then(onChanged);
  const goOn = () =>
    run(() => ask(`${path}/retry`, { method: 'POST', body: { select: { statuses: ['skipped'] } } })).then(
      onChanged,
    );
  const { skipped, pending } = job.counts;
  const awaitsApproval = job.paused?.kind === 'approval';
  const isPaused = job.status === 'paused';
  const isRunning = job.status === 'pending' || job.status === 'processing';
  return (
    <>
      <div class="buttons">
        {isRunning || (isPaused && !awaitsApproval) ? (
          <button
            type="button"
            class={isPaused ? 'filled' : ''}
            aria-disabled={isBusy}
            onClick={() => steer(isPaused ? 'resume' : 'pause')}
          >
            {isPaused ? 'Resume' : 'Pause'}
          </button>
        ) : null}
        {isRunning || isPaused ? (
          <ConfirmButton
            label="Cancel job"
            question="Cancel this job?"
            isBusy={isBusy}
            onConfirm={() => void steer('cancel')}
          >
            <p>
              Records under way finish. {counted(pending, 'record')} that {pending === 1 ? 'waits' : 'wait'}{' '}
              will be skipped; they can go on later.
            </p>
          </ConfirmButton>
        ) : null}
        {job.finished && skipped > 0 ? (
          <button type="button" aria-disabled={isBusy} onClick={goOn}>
            Go on with {formatCount(skipped)} skipped
          </button>
        ) : null}
      </div>
      <FailureNote failure={failure} />
    </>
  );
}
