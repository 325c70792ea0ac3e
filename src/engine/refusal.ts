import { type ClaimedRecord, type Settlement, settle } from '../domain/record.ts';
import type { Flow } from '../flows/flow.ts';

/**
 * What has to be written of a record that must not run, because its payload does not fit the flow's input. Fresh ones
 * were checked when they came in; one that comes back may have failed that check, or have another payload by now.
 * `textual`: the source knows texts only.
 */
export function refusalOf(record: ClaimedRecord, flow: Flow, textual: boolean): Settlement | undefined {
  if (record.wave === 0 && record.revision === 0) return undefined;
  const failure = flow.checkInput?.(record.payload, textual);
  return failure && settle(record, { kind: 'broken', failure }, flow.retry, 0);
}
