import { jobStatuses } from '../domain/job.ts';
import type { JobSummary, JobsAnswer } from './answers.ts';
import { query } from './api.ts';
import { CountsBar } from './counts.tsx';
import { Pager, useCursorPages } from './cursor-pages.tsx';
import { FlowFilter } from './flow-filter.tsx';
import { formatCount, formatMoment, formatPercent, inWords } from './format.ts';
import { FailureNote, Loading } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { addressOf, goTo } from './router.ts';
import { StatusBadge } from './status-badge.tsx';
import { useAnswer } from './use-answer.ts';

const refreshMs = 3000;
const pageSize = 25;

interface Filter {
  readonly flow?: string | undefined;
  readonly status?: string | undefined;
}

/** All jobs, newest first. */
export function JobsView(filter: Filter) {
  const { flow, status } = filter;
  const pages = useCursorPages(query({ flow, status }));
  const { answer, failure } = useAnswer<JobsAnswer>(
    `/batches${query({ flow, status, limit: pageSize, cursor: pages.cursor })}`,
    refreshMs,
  );
  const isFiltered = flow !== undefined || status !== undefined;
  return (
    <>
      <div class="heading">
        <h1>Jobs</h1>
        <a class="button filled" href={addressOf.start()}>
          Start a job
        </a>
      </div>
      <JobsFilter {...filter} />
      <FailureNote failure={failure} />
      {answer === undefined && failure === undefined ? <Loading what="jobs" /> : null}
      {answer?.jobs.length === 0 ? <NoJobs isFiltered={isFiltered} /> : null}
      {answer === undefined || answer.jobs.length === 0 ? null : <JobsTable jobs={answer.jobs} />}
      <Pager pages={pages} nextCursor={answer?.next_cursor} label="Pages of jobs" />
    </>
  );
}

function JobsFilter({ flow, status }: Filter) {
  const choose = (changed: Filter) => goTo(addressOf.jobs({ flow, status, ...changed }));
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      <FlowFilter flow={flow} onChoose={(name) => choose({ flow: name })} />
      <label>
        Status{' '}
        <select
          value={status ?? ''}
          onChange={({ currentTarget }) => choose({ status: currentTarget.value })}
        >
          <option value="">all</option>
          {jobStatuses.map((name) => (
            <option key={name} value={name}>
              {inWords(name)}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

function NoJobs({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <p class="empty">
        No job is like that. <a href={addressOf.jobs()}>Show all jobs</a>
      </p>
    );
  }
  return (
    <div class="empty">
      <p>There are no jobs yet.</p>
      <p>
        A job takes the rows of a file through a flow, one by one.{' '}
        <a href={addressOf.flows()}>Look at the flows</a> there are, then{' '}
        <a href={addressOf.start()}>start a job</a> with a file: you see what it would do before anything is
        sent.
      </p>
    </div>
  );
}

function JobsTable({ jobs }: { readonly jobs: readonly JobSummary[] }) {
  return (
    <table class="cards">
      <caption class="hidden">Jobs, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Status</th>
          <th scope="col" class="wide-cell">
            Progress
          </th>
          <th scope="col" class="number">
            Records
          </th>
          <th scope="col" class="number">
            Failed
          </th>
          <th scope="col">Started</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <JobRow key={job.batch_job_id} job={job} />
        ))}
      </tbody>
    </table>
  );
}

function JobRow({ job }: { readonly job: JobSummary }) {
  const { counts, total } = job;
  const done = total - counts.pending - counts.processing;
  return (
    <tr>
      <th scope="row">
        <a href={addressOf.job(job.batch_job_id)}>
          <OutsideText text={job.label ?? job.flow} />
        </a>
        <div class="muted small">
          {job.label === undefined ? null : (
            <>
              <OutsideText text={job.flow} /> ·{' '}
            </>
          )}
          <OutsideText text={job.source} /> · {job.batch_job_id.slice(-8)}
        </div>
      </th>
      <td data-label="Status">
        <StatusBadge status={job.status} />
      </td>
      <td data-label="Progress">
        <div class="progress-cell">
          <CountsBar counts={counts} />
          <span class="small muted">{formatPercent(done, total)}</span>
        </div>
      </td>
      <td data-label="Records" class="number">
        {formatCount(total)}
      </td>
      <td data-label="Failed" class="number">
        {job.failed_now === 0 ? <span class="muted">0</span> : <strong>{formatCount(job.failed_now)}</strong>}
      </td>
      <td data-label="Started">
        <time class="small" dateTime={job.created_at}>
          {formatMoment(job.created_at)}
        </time>
      </td>
    </tr>
  );
}
