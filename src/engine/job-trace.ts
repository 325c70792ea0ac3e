import { isSpanContextValid } from '@opentelemetry/api';
import { markFailed, runWithin, startSpan } from '../connectors/tracing.ts';
import type { ClaimedRecord, Outcome } from '../domain/record.ts';
import type { BatchJob } from '../store/jobs.ts';

/** The spans of one job in one process, and below it those of its attempts. */
export interface JobTrace {
  /** Never rejects if `run` does not. */
  attempt<Any extends Outcome>(record: ClaimedRecord, run: () => Promise<Any>): Promise<Any>;
  end(): void;
}

/** undefined: nobody has registered an SDK, so that there is nothing to be told. */
export function traceJob(job: BatchJob): JobTrace | undefined {
  const about = {
    'sluice.batch_job_id': job.id,
    'sluice.flow': job.flow.name,
    'sluice.flow_revision': job.flow.revision,
    'sluice.wave': job.wave,
  };
  const { span: whole, within } = startSpan(`job ${job.flow.name}`, about);
  if (!isSpanContextValid(whole.spanContext())) return undefined;
  return {
    async attempt({ index, tries, wave }, run) {
      const about = {
        'sluice.batch_job_id': job.id,
        'sluice.record_index': index,
        'sluice.wave': wave,
        'sluice.attempt': tries + 1,
      };
      const { span, within: inside } = startSpan(`attempt ${job.flow.name}`, about, within);
      const outcome = await runWithin(inside, run);
      if (outcome.kind === 'broken') markFailed(span, outcome.failure.code);
      span.setAttribute('sluice.outcome', outcome.kind);
      span.end();
      return outcome;
    },
    end: () => whole.end(),
  };
}
