import type { Job } from './answers.ts';
import { ask, segment } from './api.ts';
import { ConfirmButton } from './confirm-button.tsx';
import { formatCount } from './format.ts';
import type { CallState } from './use-call.ts';

/** Which records are retried, as the API takes it. */
export interface Selection {
  readonly statuses?: readonly string[];
  readonly group_ids?: readonly string[];
  readonly indexes?: readonly number[];
  readonly dead_letters?: boolean;
}

interface RetryButtonProps {
  readonly job: Pick<Job, 'batch_job_id' | 'finished'>;
  readonly label: string;
  readonly select: Selection;
  /** Of these records, those that the target may have acted on already. */
  readonly maybeApplied?: number;
  readonly call: CallState;
  readonly onRetried: () => void;
}

/** Sends records again; asks first when that might do something twice. */
export function RetryButton(props: RetryButtonProps) {
  const { job, label, select, maybeApplied = 0, call, onRetried } = props;
  const path = `/batches/${segment(job.batch_job_id)}/retry`;
  const retry = async () => {
    if (await call.run(() => ask(path, { method: 'POST', body: { select } }))) onRetried();
  };
  return (
    <SendAgainButton
      label={label}
      maybeApplied={maybeApplied}
      disabled={!job.finished}
      isBusy={call.isBusy}
      onSend={() => void retry()}
    />
  );
}

interface SendAgainProps extends Pick<Required<RetryButtonProps>, 'label' | 'maybeApplied'> {
  readonly disabled: boolean;
  readonly isBusy: boolean;
  readonly onSend: () => void;
}

/** Asks first when the target may have acted on some of the records. */
export function SendAgainButton({ label, maybeApplied, disabled, isBusy, onSend }: SendAgainProps) {
  if (maybeApplied === 0) {
    return (
      <button type="button" disabled={disabled} aria-disabled={isBusy} onClick={onSend}>
        {label}
      </button>
    );
  }
  return (
    <ConfirmButton
      label={label}
      question="Send these again?"
      disabled={disabled}
      isBusy={isBusy}
      onConfirm={onSend}
    >
      <p>
        The answers to {formatCount(maybeApplied)} of them were lost, so the target may have acted on them
        already. Look there first.
      </p>
    </ConfirmButton>
  );
}
