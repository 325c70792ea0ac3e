import { useState } from 'preact/hooks';
import type { CallFailure } from './api.ts';
import { failureFrom } from './use-answer.ts';

export interface CallState {
  /** For `aria-disabled`: a button that is disabled while it works would lose the focus. */
  readonly isBusy: boolean;
  /** Of the last call. */
  readonly failure: CallFailure | undefined;
  /** Makes one call at a time. Resolves with whether it went well; the words for a failure are in `failure`. */
  readonly run: (call: () => Promise<unknown>) => Promise<boolean>;
}

/** For what people set off: whether it is under way, and what went wrong with it. */
export function useCall(): CallState {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<CallFailure>();
  const run = async (call: () => Promise<unknown>) => {
    if (isBusy) return false;
    setBusy(true);
    setFailure(undefined);
    try {
      await call();
      return true;
    } catch (error) {
      setFailure(failureFrom(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, failure, run };
}
