import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { type Answer, type Job, readAnswer } from './chat-view-answer.ts';
import { type Following, followJob } from './chat-view-follow.ts';
import type { Host } from './chat-view-host.ts';
import { countedStatuses } from './counts.tsx';
import { counted, formatCount, inWords } from './format.ts';

/** Everything that is shown. */
export interface ChatState {
  /** undefined: the tool has not answered yet. */
  readonly answer: Answer | undefined;
  /** Why the job cannot be asked about at the moment. */
  readonly trouble: string | undefined;
  /** Why the last press of a button came to nothing. */
  readonly refusal: string | undefined;
  /** A button has been pressed and its call not been answered. */
  readonly isBusy: boolean;
  /** Whether the chat lets the view ask and steer; undefined: not known yet. */
  readonly canCall: boolean | undefined;
}

/** A call that a button makes, without the job. */
export interface Wish {
  readonly tool: 'update_batch' | 'retry_batch_failed_records';
  readonly args: Readonly<Record<string, unknown>>;
}

/** What the view knows and does, from the tool's answer to the end of the view. */
export class ChatSession {
  readonly #show: (state: ChatState) => void;
  #state: ChatState = {
    answer: undefined,
    trouble: undefined,
    refusal: undefined,
    isBusy: false,
    canCall: undefined,
  };
  #host: Host | undefined;
  #following: Following | undefined;
  #isSeen = true;
  #isOver = false;

  constructor(show: (state: ChatState) => void) {
    this.#show = show;
  }

  /** The chat is there; what the tool has answered before is followed from now on. */
  join(host: Host): void {
    this.#host = host;
    this.#change({ canCall: host.canCall });
    this.#followUnlessTold();
  }

  /** What the tool has answered, which the assistant knows as well. */
  receive(result: CallToolResult): void {
    this.#change({ answer: readAnswer(result), trouble: undefined, refusal: undefined });
    this.#followUnlessTold();
  }

  /** Words instead of a job. */
  say(words: string): void {
    this.#change({ answer: { kind: 'words', words, isError: true } });
  }

  /** A view out of sight asks seldom, and at once when it is seen again. */
  seen(isSeen: boolean): void {
    if (isSeen && !this.#isSeen) this.#following?.hurry();
    this.#isSeen = isSeen;
  }

  async act({ tool, args }: Wish): Promise<void> {
    const { answer, isBusy } = this.#state;
    if (this.#host === undefined || answer?.kind !== 'job' || isBusy) return;
    this.#change({ isBusy: true, refusal: undefined });
    try {
      const said = readAnswer(
        await this.#host.call(tool, { batch_job_id: answer.job.batch_job_id, ...args }),
      );
      this.#change({ isBusy: false, refusal: said.kind === 'words' ? said.words : undefined });
    } catch (error) {
      this.#change({
        isBusy: false,
        refusal: `It is not known whether that was done: the call failed (${reasonOf(error)}).`,
      });
    }
    this.#follow();
  }

  end(): void {
    this.#isOver = true;
    this.#following?.stop();
  }

  #change(change: Partial<ChatState>): void {
    this.#state = { ...this.#state, ...change };
    this.#show(this.#state);
  }

  #followUnlessTold(): void {
    const { answer } = this.#state;
    if (answer?.kind !== 'job') return;
    const isTold = answer.job.finished && answer.job.counts !== undefined;
    if (!isTold) this.#follow();
  }

  #follow(): void {
    const { answer } = this.#state;
    const host = this.#host;
    if (this.#isOver || host?.canCall !== true || answer?.kind !== 'job') return;
    const { batch_job_id } = answer.job;
    this.#following?.stop();
    this.#following = followJob({
      ask: async (wait_seconds, signal) =>
        jobIn(await host.call('get_batch_status', { batch_job_id, wait_seconds }, signal)),
      isSeen: () => this.#isSeen,
      onJob: (job) => {
        this.#change({ answer: { kind: 'job', job }, trouble: undefined });
        if (job.finished) host.tell(lastWord(job));
      },
      onTrouble: (words, ms) =>
        this.#change({
          trouble: `The job could not be asked about (${words}). Next try in ${Math.round(ms / 1000)} s.`,
        }),
    });
  }
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : 'no reason is known');

/** @throws Error with the words of any other answer. */
function jobIn(result: CallToolResult): Job {
  const answer = readAnswer(result);
  if (answer.kind === 'words') throw new Error(answer.words);
  return answer.job;
}

/** The end of a job in one sentence, for the assistant. */
function lastWord({ batch_job_id, status, counts, total = 0 }: Job): string {
  const parts = countedStatuses
    .filter((counting) => (counts?.[counting] ?? 0) > 0)
    .map((counting) => `${formatCount(counts?.[counting] ?? 0)} ${inWords(counting)}`);
  const sum = parts.length === 0 ? '' : `: ${parts.join(', ')}`;
  return `Batch job ${batch_job_id} has finished (${status}), ${counted(total, 'record')}${sum}.`;
}
