import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import { getBatchStatus } from '../operations/get-batch-status.ts';
import { updateBatch } from '../operations/update-batch.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { openProgress, type Progress } from './progress.ts';
import { exitCodeOf, type Status, showStatus } from './show-status.ts';
import { grouped } from './table.ts';
import { visible } from './terminal.ts';
import { keyHelp, listenForWishes, type Wish, type Wishes } from './wishes.ts';

/** How long one question for the status waits for the end, in seconds. */
const waitSeconds = 1;
/** How often a job that rests is looked at, in milliseconds. */
const restMs = 500;

/**
 * Follows a job until it has finished or the person leaves it. The first Ctrl-C pauses the job, the
 * second cancels it, the third leaves it to end by itself.
 */
export async function watchJob(host: Host, batchJobId: string, json: boolean): Promise<Answer> {
  const progress = openProgress(host.terminal, json);
  const wishes = listenForWishes(host);
  try {
    const { status, left } = await follow(host, batchJobId, progress, wishes);
    if (left === undefined) {
      return { json: status, text: showStatus(host.terminal, status), exitCode: exitCodeOf(status) };
    }
    return { json: status, text: farewell(host, status), exitCode: left === 'detach' ? 0 : 1 };
  } finally {
    progress.end();
    wishes.close();
  }
}

interface Following {
  readonly status: Status;
  /** The wish with which the person left an unfinished job. */
  readonly left?: Wish;
}

async function follow(
  host: Host,
  batchJobId: string,
  progress: Progress,
  wishes: Wishes,
): Promise<Following> {
  let waitingFor: string | undefined;
  for (;;) {
    const status = await look(host, batchJobId, waitSeconds, wishes.signal);
    progress.show(positionOf(status));
    if (status.finished) return { status };

    const wish = wishes.take();
    if (wish !== undefined) {
      const leaves = await grant(host, status, wish, progress);
      if (leaves) return { status: await look(host, batchJobId, 0, wishes.signal), left: wish };
      continue;
    }
    const text = status.waiting_for?.text;
    if (text !== undefined && text !== waitingFor) progress.say(`Waiting: ${visible(text)}`);
    waitingFor = text;
    // A question about a job that rests is answered at once.
    if (text !== undefined || status.status === 'paused') await rest(wishes.signal);
  }
}

const look = (host: Host, batchJobId: string, seconds: number, signal: AbortSignal) =>
  invoke(host, getBatchStatus, { batch_job_id: batchJobId, wait_seconds: seconds }, { signal });

const rest = (signal: AbortSignal) => sleep(restMs, undefined, { signal }).catch(() => {});

const positionOf = (status: Status) => ({
  done: status.processed,
  total: status.total,
  failed: status.failed_now,
  rate: status.rate,
  secondsLeft: status.eta_seconds,
});

/** Does what the person wants of an unfinished job; returns whether that ends the watching. */
async function grant(host: Host, status: Status, wish: Wish, progress: Progress): Promise<boolean> {
  const isPaused = status.status === 'paused';
  switch (wish) {
    case 'leave':
      return true;
    case 'detach':
    case 'resume':
      if (isPaused) await update(host, status, 'resume');
      return wish === 'detach';
    case 'interrupt':
      if (status.status === 'cancelled') return true;
      await update(host, status, isPaused ? 'cancel' : 'pause');
      progress.say(
        isPaused ? 'Cancelled: records under way finish, the rest is skipped.' : pauseHelp(host, status),
      );
      return false;
  }
}

async function update(host: Host, status: Status, action: 'pause' | 'resume' | 'cancel'): Promise<void> {
  try {
    await invoke(host, updateBatch, { batch_job_id: status.batch_job_id, action });
  } catch (error) {
    // The job was faster: the next look shows its end.
    if (!(error instanceof SluiceError) || error.code !== 'batch_job_finished') throw error;
  }
}

function pauseHelp({ terminal }: Host, { batch_job_id, total, processed }: Status): string {
  return [
    `Paused with ${grouped(total - processed)} of ${grouped(total)} records left; those under way finish.`,
    ...(terminal.canAsk ? keyHelp : ['  Ctrl-C again (SIGINT) cancels it']),
    `From elsewhere: sluice resume ${batch_job_id}, sluice cancel ${batch_job_id}`,
  ].join('\n');
}

function farewell({ background }: Host, { status, batch_job_id }: Status): string[] {
  if (status === 'paused') return [`Left paused. \`sluice resume ${batch_job_id}\` goes on.`];
  return [
    background
      ? `Goes on in the background. \`sluice status ${batch_job_id} --wait\` follows it.`
      : 'Background work is off (SLUICE_BACKGROUND): the job goes on while `sluice run` or another Sluice process runs.',
  ];
}
