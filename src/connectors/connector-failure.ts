import { RecordFailure } from '../domain/failure.ts';
import type { CallSettings } from './connectors-file.ts';

interface Connector extends Pick<CallSettings, 'retryLostAnswers'> {
  readonly name: string;
}

/**
 * An error as it leaves a connector: a failure carries the connector's name, and is final when its answer was
 * lost and the connector leaves such calls to a person.
 */
export function connectorFailure({ name, retryLostAnswers }: Connector, error: unknown): unknown {
  if (!(error instanceof RecordFailure)) return error;
  const failure = { ...error.failure, connector: name };
  const isLost = failure.class === 'transient' && failure.maybeApplied === true;
  if (!isLost || retryLostAnswers !== false) return new RecordFailure(failure);
  const message = `${failure.message}. Whether the call was carried out is not known: look at the target before retrying`;
  return new RecordFailure({ ...failure, class: 'interrupted', code: 'answer_lost', message });
}
