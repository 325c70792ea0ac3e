import type { ConnectorRegistry } from '../connectors/registry.ts';
import { RecordFailure } from '../domain/failure.ts';
import { type ClaimedRecord, type Outcome, type Settlement, settle } from '../domain/record.ts';
import type { Flow } from '../flows/flow.ts';
import { faultPoint } from './fault-points.ts';
import { type Log, nameOf } from './log.ts';

/** What every attempt of one lane shares. */
export interface AttemptContext {
  readonly batchJobId: string;
  readonly flow: Flow;
  readonly connectors: ConnectorRegistry;
  /** Records in the job, as far as they have been read. */
  readonly total: () => number;
  /** Aborted when attempts under way have to end. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Takes one claimed record through one attempt and says what has to be written. Never rejects. */
export async function processRecord(context: AttemptContext, record: ClaimedRecord): Promise<Settlement> {
  faultPoint('before_call', record.index);
  const outcome = await attempt(context, record);
  faultPoint('after_call', record.index);
  return settle(record, outcome, context.flow.retry, Math.random());
}

async function attempt(context: AttemptContext, record: ClaimedRecord): Promise<Outcome> {
  try {
    const result = await context.flow.run({
      batchJobId: context.batchJobId,
      total: context.total(),
      index: record.index,
      id: record.id,
      revision: record.revision,
      payload: record.payload,
      connectors: context.connectors,
      signal: context.signal,
    });
    return { kind: 'done', result };
  } catch (error) {
    if (error instanceof RecordFailure) return { kind: 'broken', failure: error.failure };
    if (context.signal.aborted) return { kind: 'interrupted' };
    // The text of an unexpected error may hold anything, so only its name goes on.
    const name = nameOf(error);
    context.log.error(
      { batchJobId: context.batchJobId, index: record.index, error: name },
      'a flow broke unexpectedly',
    );
    const message = `The flow ended with an unexpected ${name}; this is a defect of Sluice or of a step`;
    return { kind: 'broken', failure: { class: 'bug', code: 'unexpected_error', message } };
  }
}
