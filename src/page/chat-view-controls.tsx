import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Job } from './chat-view-answer.ts';
import type { Wish } from './chat-view-session.ts';
import { counted } from './format.ts';

interface ControlsProps {
  readonly job: Job;
  readonly isBusy: boolean;
  readonly act: (wish: Wish) => void;
}

/** The wishes a job can be asked for as it stands. */
export function Controls({ job, isBusy, act }: ControlsProps) {
  const wishes = job.finished ? retriesOf(job) : steeringOf(job);
  const canCancel = !job.finished && job.status !== 'cancelled';
  if (wishes.length === 0 && !canCancel) return null;
  return (
    <div class="controls">
      {wishes.map(({ name, wish }) => (
        // Pause and Resume are one button, which keeps the focus.
        <button
          key={wish.args.action ? 'steer' : name}
          type="button"
          aria-disabled={isBusy}
          onClick={() => act(wish)}
        >
          {name}
        </button>
      ))}
      {canCancel ? <CancelButton isBusy={isBusy} cancel={() => act(steer('cancel'))} /> : null}
    </div>
  );
}

const steer = (action: string): Wish => ({ tool: 'update_batch', args: { action } });

export const retry = (select?: Readonly<Record<string, unknown>>): Wish => ({
  tool: 'retry_batch_failed_records',
  args: select === undefined ? {} : { select },
});

interface Named {
  readonly name: string;
  readonly wish: Wish;
}

function steeringOf({ status, paused }: Job): Named[] {
  if (status === 'cancelled') return [];
  if (status !== 'paused') return [{ name: 'Pause', wish: steer('pause') }];
  // What waits for a person's approval is let go at a terminal only.
  return paused?.kind === 'approval' ? [] : [{ name: 'Resume', wish: steer('resume') }];
}

function retriesOf(job: Job): Named[] {
  if (job.purged !== undefined) return [];
  const { failed_now: failed } = job;
  const skipped = leftOver(job);
  return [
    ...(failed > 0 ? [{ name: `Retry all ${counted(failed, 'failed record')}`, wish: retry() }] : []),
    ...(skipped > 0
      ? [{ name: `Go on with ${counted(skipped, 'skipped record')}`, wish: retry({ statuses: ['skipped'] }) }]
      : []),
  ];
}

/** Skipped records but for those that had not to be sent. */
const leftOver = ({ counts, changes, duplicates_skipped: duplicates }: Job) =>
  (counts?.skipped ?? 0) - (changes?.unchanged ?? 0) - duplicates;

/** Asks again in its own place: hosts let views open no dialogs. */
function CancelButton({ isBusy, cancel }: { readonly isBusy: boolean; readonly cancel: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  const safe = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useLayoutEffect(() => {
    if (isAsking) safe.current?.focus();
    else if (wasAsking.current) first.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);

  if (!isAsking) {
    return (
      <button ref={first} type="button" class="danger" aria-disabled={isBusy} onClick={() => setAsking(true)}>
        Cancel the job
      </button>
    );
  }
  const decide = (isMeant: boolean) => {
    setAsking(false);
    if (isMeant) cancel();
  };
  return (
    <div
      role="alertdialog"
      aria-label="Cancel the job?"
      aria-describedby="cancel-means"
      onKeyDown={({ key }) => key === 'Escape' && decide(false)}
    >
      <p id="cancel-means">Cancel the job? Records under way finish, the rest is skipped.</p>
      <button type="button" class="danger" aria-disabled={isBusy} onClick={() => decide(true)}>
        Yes, cancel it
      </button>
      <button ref={safe} type="button" onClick={() => decide(false)}>
        No, let it run
      </button>
    </div>
  );
}
