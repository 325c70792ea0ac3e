import type { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import type { OperationContext } from './context.ts';

/** What calling an operation can do to the world; every surface derives its hints from it. */
export type Effect =
  /** Changes nothing. */
  | 'read'
  /** Sends records to the targets of a flow. */
  | 'run'
  /** Changes how a job runs. */
  | 'steer'
  /** Writes files of Sluice's own. */
  | 'export'
  /** Writes what later runs do. */
  | 'save';

/** Something a caller can ask for. Every surface offers all of them and has no code for any. */
export interface Operation<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  /** snake_case: the tool's name; the file and the command are the same in kebab-case. */
  readonly name: string;
  readonly title: string;
  /** For a model: one line, when to use it, what it answers. */
  readonly description: string;
  readonly effect: Effect;
  /** Brings what a caller may mean into the form of `input`; what it does not know it leaves alone. */
  readonly reshape?: (given: JsonValue) => JsonValue;
  readonly input: Input;
  readonly output: Output;
  run(context: OperationContext, input: z.output<Input>): Promise<z.input<Output>>;
}

export function defineOperation<Input extends z.ZodType, Output extends z.ZodType>(
  operation: Operation<Input, Output>,
): Operation<Input, Output> {
  return operation;
}
