import type { z } from 'zod';
import { checkInput } from '../operations/check-input.ts';
import type { OperationContext } from '../operations/context.ts';
import type { Operation } from '../operations/operation.ts';

/** Calls an operation. @throws SluiceError for whatever it refuses. */
export async function ask<Input extends z.ZodType, Output extends z.ZodType>(
  context: OperationContext,
  operation: Operation<Input, Output>,
  given: unknown,
): Promise<z.output<Output>> {
  return operation.output.parse(await operation.run(context, checkInput(operation, given)));
}
