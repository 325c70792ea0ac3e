import type { JsonValue } from '../../domain/json.ts';
import type { CodeRun } from './code-run.ts';
import type { KeptProgress } from './kept-progress.ts';
import { StepResults } from './step-results.ts';

/** Where the nodes of a chain run: the flow itself, or one round of a loop. */
export class Frame {
  readonly run: CodeRun;
  /** Where results are kept, and found again. */
  readonly kept: KeptProgress;
  /** Stands before the names of the steps in their paths: empty, or `notify[3].`. */
  readonly prefix: string;
  readonly steps: StepResults;
  /** What the last step has come to. */
  last: JsonValue = null;
  /** What has run, by path, in case it has to be kept later: results, and the branches that were taken. */
  readonly done = new Map<string, JsonValue>();

  constructor(run: CodeRun, kept: KeptProgress, prefix = '', around?: Frame) {
    this.run = run;
    this.kept = kept;
    this.prefix = prefix;
    this.steps = new StepResults(around?.steps);
  }

  pathOf(name: string): string {
    return this.prefix + name;
  }

  /** Puts a result where later steps find it. */
  finish(name: string, result: JsonValue): void {
    this.steps.set(name, result);
    this.last = result;
    this.done.set(this.pathOf(name), result);
  }
}
