import { SluiceError } from '../domain/sluice-error.ts';
import { updateBatch } from '../operations/update-batch.ts';
import { type Host, invoke } from './host.ts';
import type { Progress } from './progress.ts';
import type { Status } from './show-status.ts';
import { counted, grouped } from './table.ts';
import { keyHelp, type Wish } from './wishes.ts';

/** Does what the person wants of an unfinished job; returns whether that ends the watching. */
export type Granter = (status: Status, wish: Wish) => Promise<boolean>;

export function wishGranter(host: Host, progress: Progress): Granter {
  // Only who has been told so cancels a job with Ctrl-C: one that waits for something has been paused by others.
  let cancels = false;
  return async (status, wish) => {
    const isPaused = status.status === 'paused';
    switch (wish) {
      case 'leave':
        return true;
      case 'detach':
      case 'resume':
        if (isPaused) await update(host, status, 'resume');
        cancels = false;
        return wish === 'detach';
      case 'interrupt':
        if (status.status === 'cancelled') return true;
        if (isPaused && cancels) {
          await update(host, status, 'cancel');
          progress.say('Cancelled: records under way finish, the rest is skipped.');
          return false;
        }
        if (!isPaused) await update(host, status, 'pause');
        cancels = true;
        progress.say(pauseHelp(host, status));
        return false;
    }
  };
}

/** Ctrl-C ends the watching of a job that another process runs, and does nothing to the job. */
export function unlessElsewhere(host: Host, grant: Granter): Granter {
  let wasHere = false;
  return async (status, wish) => {
    if (wish !== 'interrupt') return grant(status, wish);
    const { engine } = await host.context({ signal: new AbortController().signal }).open();
    wasHere ||= engine.runs(status.batch_job_id);
    return wasHere ? grant(status, wish) : true;
  };
}

async function update(host: Host, status: Status, action: 'pause' | 'resume' | 'cancel'): Promise<void> {
  try {
    await invoke(host, updateBatch, { batch_job_id: status.batch_job_id, action });
  } catch (error) {
    // The job was faster: the next look shows its end.
    if (!(error instanceof SluiceError) || error.code !== 'batch_job_finished') throw error;
  }
}

function pauseHelp({ terminal }: Host, { batch_job_id, status, total, processed }: Status): string {
  const left = `${grouped(total - processed)} of ${counted(total, 'record')} left`;
  return [
    status === 'paused'
      ? `Stands still already, with ${left}.`
      : `Paused with ${left}; those under way finish.`,
    ...(terminal.canAsk ? keyHelp : ['  Ctrl-C again (SIGINT) cancels it']),
    `From elsewhere: sluice resume ${batch_job_id}, sluice cancel ${batch_job_id}`,
  ].join('\n');
}
