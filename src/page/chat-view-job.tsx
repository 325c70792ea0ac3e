import type { Job } from './chat-view-answer.ts';
import { CountsBar, CountsLegend } from './counts.tsx';
import {
  counted,
  formatCount,
  formatMoment,
  formatPercent,
  formatRate,
  formatSpan,
  inWords,
} from './format.ts';
import { OutsideText } from './outside-text.tsx';

/** What a job is and how far it has come. */
export function JobProgress({ job }: { readonly job: Job }) {
  const { flow, label, status, counts } = job;
  return (
    <>
      <header>
        <h1>
          <OutsideText text={flow?.name ?? 'Batch job'} />
        </h1>
        <span class={`state state-${status.replaceAll('_', '-')}`} role="status">
          {inWords(status)}
        </span>
        {label === undefined ? null : (
          <p class="muted">
            <OutsideText text={label} />
          </p>
        )}
      </header>
      {counts === undefined ? (
        <p class="muted">{begunWith(job)}</p>
      ) : (
        <>
          <DoneBar job={job} counts={counts} />
          <CountsLegend counts={counts} all />
        </>
      )}
      {noticesOf(job).map((notice) => (
        <p key={notice} class="notice">
          <OutsideText text={notice} />
        </p>
      ))}
    </>
  );
}

/** All that is known of a job that has only been started, or started again. */
function begunWith({ total, selected }: Job): string {
  if (selected !== undefined) return `Trying ${counted(selected, 'record')} again.`;
  return total === undefined ? '' : counted(total, 'record');
}

function DoneBar({ job, counts }: { readonly job: Job; readonly counts: NonNullable<Job['counts']> }) {
  const { total = 0 } = job;
  const done = total - counts.pending - counts.processing;
  return (
    <>
      <p class="done">
        <strong>{formatPercent(done, total, 0)}</strong>
        <span class="muted">{speedOf(job, done)}</span>
      </p>
      <div
        role="progressbar"
        aria-label="Records done"
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={`${formatCount(done)} of ${counted(total, 'record')}`}
      >
        <CountsBar counts={counts} />
      </div>
    </>
  );
}

function speedOf({ total = 0, finished, rate, eta_seconds: eta }: Job, done: number): string {
  const parts = [`${formatCount(done)} of ${counted(total, 'record')}`];
  if (rate != null) parts.push(formatRate(rate));
  if (!finished && eta != null && eta > 0) parts.push(`about ${formatSpan(eta)} left`);
  return parts.join(' · ');
}

const isoTime = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** Why the job does not run, or not as fast as it could. */
function noticesOf(job: Job): string[] {
  const { waiting_for, paused, stopped_by, throttled, ending, intake } = job;
  const notices: string[] = [];
  if (waiting_for !== undefined)
    notices.push(`Waiting: ${waiting_for.text.replace(isoTime, (time) => formatMoment(time))}`);
  else if (paused !== undefined) notices.push(`Paused: ${paused.message}`);
  if (stopped_by !== undefined) notices.push(stopped_by.message);
  notices.push(...throttled.map(({ text }) => text));
  if (!job.finished && intake?.state === 'reading')
    notices.push(`The source is being read: ${counted(intake.rows_read, 'row')} so far.`);
  if (ending?.error !== undefined) notices.push(`The end part of the flow failed: ${ending.error.message}`);
  return notices;
}
