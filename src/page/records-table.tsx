import { useState } from 'preact/hooks';
import type { Job, ListedRecord, RecordsAnswer } from './answers.ts';
import { query, segment } from './api.ts';
import { countedStatuses } from './counts.tsx';
import { Pager, useCursorPages } from './cursor-pages.tsx';
import { counted, formatCount, inWords } from './format.ts';
import { FailureNote, Loading } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { RecordDialog } from './record-dialog.tsx';
import { RetryButton } from './retry-button.tsx';
import { StatusBadge } from './status-badge.tsx';
import { useAnswer } from './use-answer.ts';
import { useCall } from './use-call.ts';

/** However many records a job has, no more are in the document. */
const pageSize = 25;
const refreshMs = 3000;
const summaryLength = 140;
const retryable = ['failed', 'retried_failed', 'skipped'];

interface RecordsProps {
  readonly job: Job;
  /** Grows when something was done to the records. */
  readonly changes: number;
  readonly onChanged: () => void;
}

/** By their index; over pages. */
type Chosen = ReadonlyMap<number, ListedRecord>;

/** Records in the order of the input, to leaf through, look into and choose for a retry. */
export function RecordsTable({ job, changes, onChanged }: RecordsProps) {
  const [status, setStatus] = useState('');
  const [open, setOpen] = useState<number>();
  const [chosen, setChosen] = useState<Chosen>(new Map());
  const call = useCall();
  const path = `/batches/${segment(job.batch_job_id)}/records`;
  const pages = useCursorPages(path + status);
  const { answer, failure } = useAnswer<RecordsAnswer>(
    `${path}${query({ statuses: status, limit: pageSize, cursor: pages.cursor })}`,
    job.finished ? undefined : refreshMs,
    `${changes} ${job.finished}`,
  );
  const onRetried = () => {
    setChosen(new Map());
    onChanged();
  };
  return (
    <section aria-labelledby="records">
      <div class="heading">
        <h2 id="records">Records</h2>
        <div class="buttons">
          <StatusFilter job={job} status={status} onChoose={setStatus} />
          {chosen.size === 0 ? null : (
            <button type="button" onClick={() => setChosen(new Map())}>
              Choose none
            </button>
          )}
          <RetryButton
            job={chosen.size === 0 ? { ...job, finished: false } : job}
            label={chosen.size === 0 ? 'Retry chosen' : `Retry ${counted(chosen.size, 'chosen record')}`}
            select={{ indexes: [...chosen.keys()], statuses: retryable }}
            maybeApplied={[...chosen.values()].filter((record) => record.maybe_applied === true).length}
            call={call}
            onRetried={onRetried}
          />
        </div>
      </div>
      <FailureNote failure={call.failure ?? failure} />
      {answer === undefined && failure === undefined ? <Loading what="records" /> : null}
      {answer?.records.length === 0 ? <p class="empty">No record has this status.</p> : null}
      {answer === undefined || answer.records.length === 0 ? null : (
        <Rows records={answer.records} chosen={chosen} onChoose={setChosen} onOpen={setOpen} />
      )}
      <Pager pages={pages} nextCursor={answer?.next_cursor} label="Pages of records" />
      {open === undefined ? null : (
        <RecordDialog job={job} index={open} onClose={() => setOpen(undefined)} onRetried={onRetried} />
      )}
    </section>
  );
}

interface StatusFilterProps {
  readonly job: Job;
  readonly status: string;
  readonly onChoose: (status: string) => void;
}

function StatusFilter({ job: { counts, total }, status, onChoose }: StatusFilterProps) {
  return (
    <label>
      Status{' '}
      <select value={status} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        <option value="">all ({formatCount(total)})</option>
        {countedStatuses.map((name) => (
          <option key={name} value={name}>
            {inWords(name)} ({formatCount(counts[name])})
          </option>
        ))}
      </select>
    </label>
  );
}

interface RowsProps {
  readonly records: readonly ListedRecord[];
  readonly chosen: Chosen;
  readonly onChoose: (chosen: Chosen) => void;
  readonly onOpen: (index: number) => void;
}

function Rows({ records, chosen, onChoose, onOpen }: RowsProps) {
  const choosable = records.filter(({ status }) => retryable.includes(status));
  const all = choosable.length > 0 && choosable.every(({ index }) => chosen.has(index));
  const choose = (some: readonly ListedRecord[], isChosen: boolean) => {
    const changed = new Map(chosen);
    for (const record of some) {
      if (isChosen) changed.set(record.index, record);
      else changed.delete(record.index);
    }
    onChoose(changed);
  };
  return (
    <table class="cards records">
      <caption class="hidden">Records in the order of the input</caption>
      <thead>
        <tr>
          <th scope="col">
            <input
              type="checkbox"
              aria-label="Choose all on this page that can be retried"
              checked={all}
              disabled={choosable.length === 0}
              onChange={({ currentTarget }) => choose(choosable, currentTarget.checked)}
            />
          </th>
          <th scope="col">Record</th>
          <th scope="col">Status</th>
          <th scope="col" class="number">
            Attempts
          </th>
          <th scope="col" class="wide-cell">
            What is known
          </th>
        </tr>
      </thead>
      <tbody>
        {records.map((record) => (
          <Row
            key={record.index}
            record={record}
            isChosen={chosen.has(record.index)}
            onChoose={(isChosen) => choose([record], isChosen)}
            onOpen={onOpen}
          />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly record: ListedRecord;
  readonly isChosen: boolean;
  readonly onChoose: (isChosen: boolean) => void;
  readonly onOpen: (index: number) => void;
}

function Row({ record, isChosen, onChoose, onOpen }: RowProps) {
  const { index, id, status, attempts } = record;
  return (
    <tr>
      <td class="choice">
        {retryable.includes(status) ? (
          <input
            type="checkbox"
            aria-label={`Choose record ${index}`}
            checked={isChosen}
            onChange={({ currentTarget }) => onChoose(currentTarget.checked)}
          />
        ) : null}
      </td>
      <th scope="row">
        <button type="button" class="link" onClick={() => onOpen(index)}>
          <span class="hidden">Record </span>
          {index}
        </button>
        {id === undefined ? null : (
          <div class="small muted">
            <OutsideText text={id} />
          </div>
        )}
      </th>
      <td data-label="Status">
        <StatusBadge status={status} />
      </td>
      <td data-label="Attempts" class="number">
        {attempts}
      </td>
      <td class="summary">
        <OutsideText text={summaryOf(record)} />
      </td>
    </tr>
  );
}

/** Why it failed, else what it returned, else what it holds. */
function summaryOf({ error, result, payload }: ListedRecord): string {
  const said = error?.untrusted_message;
  const text =
    error === undefined
      ? JSON.stringify(result ?? payload)
      : `${error.message}${said === undefined ? '' : `: ${said}`}`;
  return text.length <= summaryLength ? text : `${text.slice(0, summaryLength - 1).toWellFormed()}…`;
}
