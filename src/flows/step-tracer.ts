import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { StepTrace } from './flow.ts';
import type { CompiledStep } from './step-frame.ts';
import type { StepCall } from './steps/step-kind.ts';

/** Runs steps one by one in sight of a person, and only looks at those that would change something. */
export class StepTracer {
  readonly entries: StepTrace[] = [];
  readonly #write: boolean;

  constructor(write: boolean) {
    this.#write = write;
  }

  async run({ kind, body }: CompiledStep, call: StepCall): Promise<JsonValue> {
    // Kept now, so that a loop stands before what it does to its items.
    const at = this.entries.push(entry(call.step, kind, 'withheld', null)) - 1;
    const note = (status: StepTrace['status'], output: JsonValue, error?: string) => {
      this.entries[at] = { ...entry(call.step, kind, status, input), output, error };
    };
    let input: JsonValue = null;
    try {
      input = body.preview?.(call) ?? null;
      if (body.hasEffects && !this.#write) {
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
}

const entry = (step: string, kind: string, status: StepTrace['status'], input: JsonValue): StepTrace => ({
  step,
  kind,
  input,
  status,
  output: null,
  error: undefined,
});
