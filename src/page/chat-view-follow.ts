import type { Job } from './chat-view-answer.ts';

/** How often a job is asked about, in milliseconds. */
const everyMs = 2000;
/** The same while nobody sees the view: a conversation can hold many of them. */
const unseenMs = 15_000;
/** How long an answer may be held back until something happens, in seconds. */
const waitSeconds = 2;
/** The longest pause between calls that fail, in milliseconds. */
const backoffMs = 30_000;

export interface FollowOptions {
  /** Rejects with words for the person. */
  readonly ask: (waitSeconds: number, signal: AbortSignal) => Promise<Job>;
  readonly isSeen: () => boolean;
  readonly onJob: (job: Job) => void;
  /** A call has failed, and the next one comes after `ms`. */
  readonly onTrouble: (words: string, ms: number) => void;
}

export interface Following {
  /** Asks now instead of at the next turn. */
  hurry(): void;
  stop(): void;
}

/** Asks about a job again and again until it has finished. */
export function followJob({ ask, isSeen, onJob, onTrouble }: FollowOptions): Following {
  const { signal, stop, pause, hurry } = pausing();
  let failures = 0;

  /** How long to wait before the next turn, in milliseconds; undefined: there is none. */
  const turn = async (wait: number): Promise<number | undefined> => {
    const began = performance.now();
    try {
      const job = await ask(wait, signal);
      if (signal.aborted) return undefined;
      failures = 0;
      onJob(job);
      return job.finished ? undefined : (isSeen() ? everyMs : unseenMs) - (performance.now() - began);
    } catch (error) {
      if (signal.aborted) return undefined;
      failures += 1;
      const ms = Math.min(everyMs * 2 ** (failures - 1), backoffMs);
      onTrouble(error instanceof Error ? error.message : 'no reason is known', ms);
      return ms;
    }
  };
  const run = async () => {
    let left = await turn(0);
    while (left !== undefined) {
      await pause(left);
      if (signal.aborted) return;
      left = await turn(failures > 0 ? 0 : waitSeconds);
    }
  };
  void run();
  return { hurry, stop };
}

/** Pauses that end early when somebody asks for it, or when all is over. */
function pausing() {
  const over = new AbortController();
  let wake = () => {};
  return {
    signal: over.signal,
    hurry: () => wake(),
    stop() {
      over.abort();
      wake();
    },
    pause: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(ms, 0));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}
