import type { OperationContext } from './context.ts';

/**
 * Starts something whose records count against what the caller may start in a time. What starts nothing after all,
 * because another call was faster or it is refused, costs nothing.
 *
 * @throws SluiceError `rate_limited`
 */
export async function countedStart<Outcome>(
  { spend }: Pick<OperationContext, 'spend'>,
  records: number,
  start: () => Promise<Outcome>,
  hasStarted: (outcome: Outcome) => boolean = () => true,
): Promise<Outcome> {
  let giveBack = spend?.(records);
  try {
    const outcome = await start();
    if (hasStarted(outcome)) giveBack = undefined;
    return outcome;
  } finally {
    giveBack?.();
  }
}
