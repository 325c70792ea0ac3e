import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import { getBatchStatus } from '../operations/get-batch-status.ts';
import { unlessElsewhere, wishGranter } from './grant-wishes.ts';
import { type Answer, type Host, invoke } from './host.ts';
import { asCommands } from './next-step.ts';
import { openProgress, type Progress } from './progress.ts';
import { exitCodeOf, type Status, showStatus } from './show-status.ts';
import { visible } from './terminal.ts';
import { listenForWishes, type Wish, type Wishes } from './wishes.ts';

/** How long one question for the status waits for the end, in seconds. */
const waitSeconds = 1;
/** How often a job that rests is looked at, in milliseconds. */
const restMs = 500;

/** A job to follow, and what to say about it first. */
export interface Begun {
  readonly batch_job_id: string;
  readonly said?: readonly string[];
}

/**
 * Begins a job and follows it until it has finished or the person leaves it. The first Ctrl-C pauses
 * the job, unless it stands still anyhow, the second cancels it, the third leaves it to end by itself; none is lost
 * on the way. `onlyLooks`: the person has not begun the job, so Ctrl-C leaves it, unless it runs in this process.
 */
export async function watchJob(
  host: Host,
  json: boolean,
  begin: () => Promise<Begun>,
  { onlyLooks = false } = {},
): Promise<Answer> {
  host.runJobs();
  const wishes = listenForWishes(host);
  const progress = openProgress(host.terminal, json);
  try {
    const begun = await Promise.race([begin(), wishes.impatience]);
    if (begun === undefined) return leftEarly;
    for (const line of begun.said ?? []) progress.say(line);
    const { status, left } = await follow(host, begun.batch_job_id, { progress, wishes, onlyLooks });
    if (left === undefined) {
      return { json: status, text: showStatus(host.terminal, status), exitCode: exitCodeOf(status) };
    }
    return { json: status, text: farewell(host, status), exitCode: left === 'detach' ? 0 : 1 };
  } finally {
    progress.end();
    wishes.close();
  }
}

const earlyMessage =
  'Ended before there was an answer. `sluice list` shows whether the job was accepted; if so, it goes on in the background.';
const leftEarly: Answer = {
  json: { error: { code: 'interrupted', message: earlyMessage } },
  text: [earlyMessage],
  exitCode: 1,
};

interface Watching {
  readonly progress: Progress;
  readonly wishes: Wishes;
  readonly onlyLooks: boolean;
}

interface Following {
  readonly status: Status;
  /** The wish with which the person left an unfinished job. */
  readonly left?: Wish;
}

async function follow(
  host: Host,
  batchJobId: string,
  { progress, wishes, onlyLooks }: Watching,
): Promise<Following> {
  const noteWaiting = waitingNotes(progress);
  const grant = wishGranter(host, progress);
  const ask = onlyLooks ? unlessElsewhere(host, grant) : grant;
  for (;;) {
    const status = await look(host, batchJobId, waitSeconds, { signal: wishes.signal, progress });
    // What a person types while the job rests would get into the bar.
    if (status.status !== 'paused') progress.show(positionOf(status));
    if (status.finished) return { status };

    const wish = wishes.take();
    if (wish === undefined) {
      noteWaiting(status);
      // A question about a job that rests is answered at once.
      if (rests(status)) await rest(wishes.signal);
    } else if (await ask(status, wish)) {
      return { status: await look(host, batchJobId, 0, { signal: wishes.signal, progress }), left: wish };
    }
  }
}

const rests = ({ status, waiting_for }: Status) => status === 'paused' || waiting_for !== undefined;

/** Says once what a job begins to wait for, and why it has paused by itself. */
function waitingNotes(progress: Progress): (status: Status) => void {
  let last: string | undefined;
  return ({ waiting_for, paused }) => {
    const kind = waiting_for?.kind ?? paused?.kind;
    const text = waiting_for?.text ?? paused?.message;
    if (text !== undefined && kind !== 'caller' && kind !== last) {
      progress.say(`${waiting_for === undefined ? 'Paused' : 'Waiting'}: ${visible(text)}`);
    }
    last = kind;
  };
}

/** The status of the job; a database that is away is waited for until the person wants something. */
async function look(
  host: Host,
  batchJobId: string,
  seconds: number,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: Progress },
): Promise<Status> {
  for (;;) {
    try {
      const input = { batch_job_id: batchJobId, wait_seconds: seconds };
      return await invoke(host, getBatchStatus, input, { signal });
    } catch (error) {
      const isOutage = error instanceof SluiceError && error.code === 'database_unavailable';
      if (!isOutage || signal.aborted) throw error;
      progress.say(error.message);
      await rest(signal);
    }
  }
}

const rest = (signal: AbortSignal) => sleep(restMs, undefined, { signal }).catch(() => {});

const positionOf = (status: Status) => ({
  done: status.processed,
  total: status.total,
  failed: status.failed_now,
  rate: status.rate,
  secondsLeft: status.eta_seconds,
});

function farewell(
  { background, graceMs }: Host,
  { status, batch_job_id, waiting_for, next_step }: Status,
): string[] {
  if (waiting_for !== undefined) return [`Left waiting: ${visible(waiting_for.text)}`, asCommands(next_step)];
  if (status === 'paused') return [`Left paused. \`sluice resume ${batch_job_id}\` goes on.`];
  if (status === 'cancelled') {
    return [
      `Left while it ends: what this process has under way gets ${graceMs / 1000} s, the rest is skipped. \`sluice status ${batch_job_id}\` shows how it ended.`,
    ];
  }
  return [
    background
      ? `Goes on in the background. \`sluice status ${batch_job_id} --wait\` follows it.`
      : 'Background work is off (SLUICE_BACKGROUND): the job goes on while `sluice run` or another Sluice process runs.',
  ];
}
