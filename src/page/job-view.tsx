import { useState } from 'preact/hooks';
import type { Job } from './answers.ts';
import { CountsBar, CountsLegend } from './counts.tsx';
import { formatCount, formatMoment, formatPercent, formatRate, formatSpan, inWords } from './format.ts';
import { JobFailures } from './job-failures.tsx';
import { JobSteering } from './job-steering.tsx';
import { FailureNote, Loading, Notice } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { RecordsTable } from './records-table.tsx';
import { addressOf } from './router.ts';
import { StatusBadge } from './status-badge.tsx';
import { Throughput } from './throughput-plot.tsx';
import { useJob } from './use-job.ts';

/** One job: how it stands, how fast it is, what went wrong, and its records. */
export function JobView({ id }: { readonly id: string }) {
  const { answer: job, failure, reload, sample } = useJob(id);
  const [changes, setChanges] = useState(0);
  const onChanged = () => {
    setChanges((count) => count + 1);
    reload();
  };
  if (job === undefined) {
    return (
      <>
        <h1>Job</h1>
        <FailureNote failure={failure} />
        {failure === undefined ? <Loading what="the job" /> : <a href={addressOf.jobs()}>All jobs</a>}
      </>
    );
  }
  return (
    <>
      <JobHeading job={job} />
      <FailureNote failure={failure} />
      <JobSteering job={job} onChanged={onChanged} />
      <JobNotices job={job} />
      <section aria-labelledby="progress">
        <h2 id="progress">Progress</h2>
        <JobFacts job={job} />
        <CountsBar counts={job.counts} />
        <CountsLegend counts={job.counts} all />
      </section>
      <section aria-labelledby="throughput">
        <h2 id="throughput">Throughput</h2>
        <Throughput key={job.batch_job_id} id={job.batch_job_id} sample={sample} />
      </section>
      {job.failed_now === 0 ? null : <JobFailures job={job} onChanged={onChanged} />}
      <JobEnding ending={job.ending} />
      {job.purged === undefined ? (
        <RecordsTable job={job} changes={changes} onChanged={onChanged} />
      ) : (
        <Notice>The records of this job have been deleted because of their age.</Notice>
      )}
    </>
  );
}

function JobHeading({ job }: { readonly job: Job }) {
  const { flow, label } = job;
  return (
    <div class="heading">
      <div>
        <h1>
          <OutsideText text={label ?? flow.name} />
        </h1>
        <p class="muted small">
          flow{' '}
          <a href={addressOf.flow(flow.name)}>
            <OutsideText text={flow.version === null ? flow.name : `${flow.name}@${flow.version}`} />
          </a>{' '}
          · <code>{job.batch_job_id}</code>
        </p>
      </div>
      <p role="status" class="job-status">
        <StatusBadge status={job.status} />
      </p>
    </div>
  );
}

/** What keeps the job from running, or from running faster, and what has ended it. */
function JobNotices({ job }: { readonly job: Job }) {
  const { paused, waiting_for: waiting, throttled = [], stopped_by: stopped, intake } = job;
  if (job.finished)
    return stopped === undefined ? null : (
      <Notice>
        <OutsideText text={stopped.message} />
      </Notice>
    );
  return (
    <>
      {paused === undefined ? null : <PausedNotice job={job} paused={paused} />}
      {waiting === undefined || paused !== undefined ? null : (
        <Notice>
          Waits for {inWords(waiting.kind)}: <OutsideText text={waiting.text} />
        </Notice>
      )}
      {throttled.map(({ text }) => (
        <Notice key={text}>
          <OutsideText text={text} />
        </Notice>
      ))}
      {intake?.state === 'reading' ? (
        <p class="muted">The source is still being read: {formatCount(intake.rows_read)} rows so far.</p>
      ) : null}
    </>
  );
}

function PausedNotice({ job, paused }: { readonly job: Job; readonly paused: NonNullable<Job['paused']> }) {
  if (paused.kind === 'approval') {
    return (
      <Notice>
        Nothing has been sent yet: a person has to approve this job. Type{' '}
        <code>sluice approve {job.batch_job_id}</code> at a terminal of the machine Sluice runs on.
      </Notice>
    );
  }
  return (
    <Notice>
      Paused since {formatMoment(paused.since)}: <OutsideText text={paused.message} />
      {paused.tries_again_at === undefined ? null : ` Next try: ${formatMoment(paused.tries_again_at)}.`}
    </Notice>
  );
}

function JobFacts({ job }: { readonly job: Job }) {
  const { counts, total } = job;
  const done = total - counts.pending - counts.processing;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['done', formatPercent(done, total)],
    ['rate', job.rate === null ? undefined : formatRate(job.rate)],
    [
      'left',
      job.status !== 'processing' || job.eta_seconds === null
        ? undefined
        : `about ${formatSpan(job.eta_seconds)}`,
    ],
    ['took', spanOf(job)],
    ['at once', formatCount(job.concurrency)],
    ['retries', job.wave === 0 ? undefined : formatCount(job.wave)],
    ['answers lost', job.maybe_applied === 0 ? undefined : formatCount(job.maybe_applied)],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function spanOf({ started_at: from, finished_at: to, finished }: Job): string | undefined {
  if (from === null || to === undefined || !finished) return undefined;
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  return seconds < 1 ? 'under 1 s' : formatSpan(seconds);
}

function JobEnding({ ending }: { readonly ending: Job['ending'] }) {
  if (ending === undefined) return null;
  const said = ending.error?.message;
  return (
    <section aria-labelledby="ending">
      <h2 id="ending">End part</h2>
      <p>
        <StatusBadge status={ending.status} /> {said === undefined ? null : <OutsideText text={said} />}
      </p>
    </section>
  );
}
