import { foreignText } from '../connectors/foreign-text.ts';
import type { ErrorClass } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { FlowTrace, StepTrace } from './flow.ts';

const stepsAtMost = 15;
/** Of all inputs and outputs together. */
const charactersAtMost = 4_500;
const shortest = 60;

/** A trace cut to what a conversation can hold. Inputs and outputs are JSON as text, and may be cut. */
export interface ShortTrace {
  readonly steps: ShortStep[];
  /** Steps that are not shown. */
  readonly more_steps?: number;
  readonly result?: string;
  readonly failure?: {
    readonly class: ErrorClass;
    readonly code: string;
    readonly message: string;
    readonly step?: string;
    readonly untrusted_message?: string;
  };
}

export interface ShortStep {
  readonly step: string;
  readonly kind: string;
  readonly status: StepTrace['status'];
  readonly input?: string;
  readonly output?: string;
  readonly error?: string;
}

/** What targets have answered is in it: text of others, made fit to be shown. */
export function shortTrace({ steps, result, failure }: FlowTrace): ShortTrace {
  const shown = steps.slice(0, stepsAtMost);
  const room = Math.max(shortest, Math.floor(charactersAtMost / (2 * shown.length + 1)));
  const text = (value: JsonValue | undefined) =>
    value === undefined || value === null ? undefined : foreignText(JSON.stringify(value), room);
  return {
    steps: shown.map(({ step, kind, status, input, output, error }) => ({
      step,
      kind,
      status,
      ...some('input', text(input)),
      ...some('output', text(output)),
      ...some('error', error),
    })),
    ...(shown.length < steps.length ? { more_steps: steps.length - shown.length } : {}),
    ...some('result', text(result)),
    ...(failure === undefined
      ? {}
      : {
          failure: {
            class: failure.class,
            code: failure.code,
            message: failure.message,
            ...some('step', failure.step),
            ...some('untrusted_message', failure.untrustedMessage),
          },
        }),
  };
}

const some = <Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> =>
  value === undefined ? {} : ({ [key]: value } as Partial<Record<Key, Value>>);
