import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { PlannedCall, StepTrace } from './flow.ts';
import type { CompiledStep } from './step-frame.ts';
import type { StepBody, StepCall } from './steps/step-kind.ts';

/** What is run, and not only looked at: all steps, those that change nothing, or those that ask nobody outside. */
export type Runs = 'all' | 'reads' | 'inside';

/** Runs steps one by one in sight of a person, and only looks at those that would change something. */
export class StepTracer {
  readonly entries: StepTrace[] = [];
  readonly #runs: Runs;

  constructor(runs: Runs) {
    this.#runs = runs;
  }

  /** Some step was only looked at. */
  get hasWithheld(): boolean {
    return this.entries.some(({ status }) => status === 'withheld');
  }

  async run({ kind, body }: CompiledStep, call: StepCall): Promise<JsonValue> {
    // Kept now, so that a loop stands before what it does to its items.
    const at = this.entries.push(entry(call.step, kind, 'withheld', null)) - 1;
    const note = (status: StepTrace['status'], output: JsonValue, error?: string) => {
      this.entries[at] = { ...entry(call.step, kind, status, input), output, error, call: planned };
    };
    let input: JsonValue = null;
    let planned: PlannedCall | undefined;
    try {
      input = body.preview?.(call) ?? null;
      if (this.#withholds(body)) {
        if (this.#runs === 'inside') planned = body.planned?.(call);
        note('withheld', null);
        return null;
      }
      const output = await body.run(call);
      note('done', output);
      return output;
    } catch (error) {
      note('failed', null, error instanceof RecordFailure ? error.failure.message : 'an unexpected error');
      throw error;
    }
  }

  skipped(step: string, kind: string): void {
    this.entries.push(entry(step, kind, 'skipped', null));
  }

  #withholds(body: StepBody): boolean {
    if (this.#runs === 'all') return false;
    return body.hasEffects || (this.#runs === 'inside' && asksOutside(body));
  }
}

/** What can be shown without being run is a call of something. */
const asksOutside = ({ preview, connectors = [], codeSteps = [] }: StepBody) =>
  preview !== undefined || connectors.length > 0 || codeSteps.length > 0;

const entry = (step: string, kind: string, status: StepTrace['status'], input: JsonValue): StepTrace => ({
  step,
  kind,
  input,
  status,
  output: null,
  error: undefined,
});
