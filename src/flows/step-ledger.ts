import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { Progress, StepOutcome } from '../domain/progress.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import { BrokenRun } from './broken-run.ts';
import { alignItems, type LoopItem, noteItems } from './kept-items.ts';
import type { OwnRetry } from './step-frame.ts';

/** Where failures are counted that the flow's retries are for: the record is tried again from its beginning. */
const ofFlow = '';

/** The payload that a record was accepted with. */
const firstOwner = 'r0';
/** Under the path of a step that can be done again at will: which payload its result was made of, unless the first. */
const ownerMark = '#of';

export interface LedgerOptions {
  readonly before?: Progress | undefined;
  readonly save?: ((progress: Progress) => Promise<void>) | undefined;
  /** Names the payload of this attempt; another one after a patch. */
  readonly owner?: string;
}

/** What a run knows from earlier attempts, and what it leaves for the next one. */
export class StepLedger {
  readonly #results: Record<string, JsonValue>;
  /** What steps came to that are not checkpointed, for a retry that begins at a later step. */
  readonly #passed: Record<string, StepOutcome>;
  readonly #failing: Readonly<Record<string, number>>;
  readonly #flowRetry: RetryPolicy;
  #mayBeApplied = false;
  /** Paths of steps, or of items of theirs, whose calls must not be made again. */
  readonly #lost: string[] = [];
  readonly #save: ((progress: Progress) => Promise<void>) | undefined;
  readonly #owner: string;

  constructor(flowRetry: RetryPolicy, { before, save, owner = firstOwner }: LedgerOptions = {}) {
    this.#flowRetry = flowRetry;
    this.#owner = owner;
    this.#results = { ...before?.results };
    this.#passed = { ...before?.passed };
    this.#failing = before?.failing ?? {};
    this.#save = save;
  }

  /**
   * What a step came to in an earlier attempt, if it need not be done again. One that `isRepeatable` is done again for
   * a payload that has been patched since; one that has changed something outside is not.
   */
  outcomeOf(path: string, isRepeatable: boolean): StepOutcome | undefined {
    const result = Object.hasOwn(this.#results, path) ? this.#results[path] : undefined;
    const owner = isRepeatable ? (this.#results[path + ownerMark] ?? firstOwner) : this.#owner;
    if (result !== undefined && owner === this.#owner) return { status: 'done', result };
    return Object.hasOwn(this.#passed, path) ? this.#passed[path] : undefined;
  }

  /** The items that a loop is about to go over. */
  begin(loop: string, items: readonly JsonValue[]): void {
    alignItems(this.#results, loop, items, this.#owner);
  }

  /** Keeps a result where it outlives the process. */
  async keep(
    path: string,
    result: JsonValue,
    { isRepeatable, within }: { readonly isRepeatable: boolean; readonly within: LoopItem | undefined },
  ): Promise<void> {
    this.#results[path] = result;
    if (isRepeatable && this.#owner !== firstOwner) this.#results[path + ownerMark] = this.#owner;
    noteItems(this.#results, within, this.#owner);
    await this.#save?.({ results: { ...this.#results }, ...this.#lostSteps(), failing: this.#failing });
  }

  /**
   * Remembers an outcome in case a later step has a retry of its own, which begins there, or the step must not run
   * again in any attempt.
   */
  pass(path: string, outcome: StepOutcome): void {
    if (Object.hasOwn(this.#results, path)) return;
    this.#passed[path] = this.#hasLost(path) ? { ...outcome, isLost: true } : outcome;
  }

  /** The step itself, or something inside of it. */
  #hasLost(path: string): boolean {
    return this.#lost.some(
      (lost) => lost === path || lost.startsWith(`${path}[`) || lost.startsWith(`${path}.`),
    );
  }

  /** A failure was dealt with, so that nobody hears of it: what is to be known of its call is kept here. */
  dealtWith(path: string, { class: errorClass, maybeApplied }: Failure): void {
    if (maybeApplied === true) this.#mayBeApplied = true;
    if (errorClass === 'interrupted') this.#lost.push(path);
  }

  /**
   * What a transient failure leads to: a run with another attempt open, or with all of them used up. Undefined:
   * it would fail again. `own` are the retries of a step; without them the flow's count.
   */
  anotherTry(own: OwnRetry | undefined, failure: Failure): BrokenRun | undefined {
    if (failure.class !== 'transient') return undefined;
    const { policy, path } = own ?? { policy: this.#flowRetry, path: ofFlow };
    const tries = this.#failing[path] ?? 0;
    if (tries >= policy.retries) return new BrokenRun(this.#whole(failure), this.#kept(), { policy, tries });
    const progress: Progress = {
      results: this.#results,
      ...(own === undefined ? this.#lostSteps() : { passed: this.#passed }),
      failing: { ...this.#failing, [path]: tries + 1 },
    };
    return new BrokenRun(this.#whole(failure), progress, { policy, tries });
  }

  /** What holds for every later attempt, wherever that begins. */
  #lostSteps(): Pick<Progress, 'passed'> {
    const lost = Object.entries(this.#passed).filter(([, { isLost }]) => isLost === true);
    return lost.length === 0 ? {} : { passed: Object.fromEntries(lost) };
  }

  #whole(failure: Failure): Failure {
    return this.#mayBeApplied ? { ...failure, maybeApplied: true } : failure;
  }

  #kept(): Progress | undefined {
    return Object.keys(this.#results).length === 0 ? undefined : { results: this.#results };
  }

  /** The end of a run that no retry can help. */
  broken(failure: Failure): BrokenRun {
    return new BrokenRun(this.#whole(failure), this.#kept());
  }
}
