import { type ClaimedRecord, type Settlement, settle } from '../domain/record.ts';
import type { Flow } from '../flows/flow.ts';
import type { BatchJob } from '../store/jobs.ts';
import { isTextual } from './new-record.ts';

/**
 * What has to be written of a record that must not run, because its payload does not fit the flow's input. Fresh ones
 * were checked when they came in; one that comes back may have failed that check, or have another payload by now.
 */
export function refusalOf(
  record: ClaimedRecord,
  flow: Flow,
  source: BatchJob['source'],
): Settlement | undefined {
  if (record.wave === 0 && record.revision === 0) return undefined;
  const failure = flow.checkInput?.(record.payload, isTextual(source));
  return failure && settle(record, { kind: 'broken', failure }, flow.retry, 0);
}
