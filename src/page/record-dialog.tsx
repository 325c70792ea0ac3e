import { useRef } from 'preact/hooks';
import type { HistoryLine, Job, RecordStory } from './answers.ts';
import { segment } from './api.ts';
import { Dialog } from './dialog.tsx';
import { formatMoment, inWords } from './format.ts';
import { JsonText } from './json-text.tsx';
import { FailureNote, Loading } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { RetryButton } from './retry-button.tsx';
import { StatusBadge } from './status-badge.tsx';
import { useAnswer } from './use-answer.ts';
import { useCall } from './use-call.ts';

interface RecordDialogProps {
  readonly job: Job;
  readonly index: number;
  readonly onClose: () => void;
  readonly onRetried: () => void;
}

/** One record's story: what it held, each attempt, and what came of it. */
export function RecordDialog({ job, index, onClose, onRetried }: RecordDialogProps) {
  const { answer, failure, reload } = useAnswer<RecordStory>(
    `/batches/${segment(job.batch_job_id)}/records/${index}`,
  );
  const call = useCall();
  const form = useRef<HTMLFormElement>(null);
  const record = answer?.record;
  const canRetry = ['failed', 'retried_failed', 'skipped'].includes(record?.status ?? '');
  const after = () => {
    onRetried();
    reload();
    form.current?.querySelector('button')?.focus();
  };
  return (
    <Dialog title={`Record ${index}`} isWide onClose={onClose}>
      <FailureNote failure={failure ?? call.failure} />
      {answer === undefined && failure === undefined ? <Loading what="the record" /> : null}
      {record === undefined ? null : <Standing record={record} />}
      {answer === undefined ? null : (
        <Attempts lines={answer.lines} hasMore={answer.next_cursor !== undefined} />
      )}
      {record === undefined ? null : <Contents record={record} />}
      <div class="buttons">
        {record !== undefined && canRetry ? (
          <RetryButton
            job={job}
            label="Retry this record"
            select={{ indexes: [index], statuses: [record.status] }}
            maybeApplied={record.maybe_applied === true ? 1 : 0}
            call={call}
            onRetried={after}
          />
        ) : null}
        <form method="dialog" ref={form}>
          <button type="submit">Close</button>
        </form>
      </div>
    </Dialog>
  );
}

type Story = RecordStory['record'];

function Standing({ record }: { readonly record: Story }) {
  const notes = [
    record.dead_letter === true ? 'kept as a dead letter' : undefined,
    record.maybe_applied === true ? 'the target may have acted on it' : undefined,
    record.held === true ? 'waits for the records before it' : undefined,
    record.waits_until === undefined ? undefined : `next attempt ${formatMoment(record.waits_until)}`,
  ].filter((note) => note !== undefined);
  return (
    <p>
      <StatusBadge status={record.status} />{' '}
      {record.id === undefined ? null : (
        <>
          id <OutsideText text={record.id} />{' '}
        </>
      )}
      <span class="muted">{notes.join(' · ')}</span>
    </p>
  );
}

function Attempts({ lines, hasMore }: { readonly lines: readonly HistoryLine[]; readonly hasMore: boolean }) {
  if (lines.length === 0) return <p class="muted">It has not been tried yet.</p>;
  return (
    <section aria-labelledby="attempts">
      <h3 id="attempts">Attempts, newest first</h3>
      <ol class="attempts">
        {lines.map((line) => (
          <li key={`${line.at} ${line.kind} ${line.attempt}`}>
            <p>
              <strong>{line.attempt === undefined ? inWords(line.kind) : `Attempt ${line.attempt}`}</strong>{' '}
              <span class="muted small">
                {line.attempt === undefined ? '' : `${inWords(line.kind)} · `}
                <time dateTime={line.at}>{formatMoment(line.at)}</time>
              </span>
            </p>
            <AttemptError line={line} />
          </li>
        ))}
      </ol>
      {hasMore ? <p class="muted">There are older ones; the API has them all.</p> : null}
    </section>
  );
}

function AttemptError({ line }: { readonly line: HistoryLine }) {
  const { message, untrusted_message: said, class: errorClass, code, step, maybe_applied: isLost } = line;
  return (
    <>
      {message === undefined ? null : (
        <p>
          <OutsideText text={message} />
        </p>
      )}
      {said === undefined ? null : (
        <blockquote>
          <OutsideText text={said} />
        </blockquote>
      )}
      {errorClass === undefined ? null : (
        <p class="muted small">
          <OutsideText text={[errorClass, code, step && `step ${step}`].filter(Boolean).join(' · ')} />
          {isLost === true ? ' · the answer was lost, so it may have arrived' : ''}
        </p>
      )}
    </>
  );
}

function Contents({ record }: { readonly record: Story }) {
  return (
    <>
      <h3>Payload</h3>
      <JsonText value={record.payload} label="Payload" />
      {record.earlier_payloads?.map(({ revision, replaced_at, payload }) => (
        <details key={revision}>
          <summary>Payload until {formatMoment(replaced_at)}</summary>
          <JsonText value={payload} label={`Earlier payload ${revision}`} />
        </details>
      ))}
      {record.result === undefined ? null : (
        <>
          <h3>Result</h3>
          <JsonText value={record.result} label="Result" />
        </>
      )}
    </>
  );
}
