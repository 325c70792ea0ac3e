import { render } from 'preact';
import type { Job } from './chat-view-answer.ts';
import { Controls, retry } from './chat-view-controls.tsx';
import { openHost } from './chat-view-host.ts';
import { JobProgress } from './chat-view-job.tsx';
import { ChatSession, type ChatState, type Wish } from './chat-view-session.ts';
import { counted } from './format.ts';
import { ErrorGroups } from './groups.tsx';
import { OutsideText } from './outside-text.tsx';
import './chat-view.css';

interface ViewProps {
  readonly state: ChatState;
  readonly act: (wish: Wish) => void;
}

interface JobProps extends ViewProps {
  readonly job: Job;
}

function ChatView({ state, act }: ViewProps) {
  const { answer } = state;
  if (answer?.kind === 'job') return <JobInChat job={answer.job} state={state} act={act} />;
  return (
    <main>{answer === undefined ? <p class="muted">Waiting for the answer…</p> : <Words {...answer} />}</main>
  );
}

function Words({ words, isError }: { readonly words: string; readonly isError: boolean }) {
  return (
    <p role={isError ? 'alert' : undefined} class={isError ? 'refusal' : undefined}>
      <OutsideText text={words} />
    </p>
  );
}

function JobInChat({ job, state, act }: JobProps) {
  const { trouble, refusal, canCall, isBusy } = state;
  return (
    <main>
      <JobProgress job={job} />
      {trouble === undefined ? null : (
        <p role="status" class="notice">
          <OutsideText text={trouble} />
        </p>
      )}
      <Causes job={job} state={state} act={act} />
      {canCall === true ? <Controls job={job} isBusy={isBusy} act={act} /> : null}
      {canCall === false && !job.finished ? (
        <p class="muted">Here the view shows one moment only. Ask the assistant how far the job has come.</p>
      ) : null}
      {refusal === undefined ? null : <Words words={refusal} isError />}
    </main>
  );
}

function Causes({ job, state, act }: JobProps) {
  const { finished, purged, error_groups: groups, more_error_groups: more } = job;
  if (groups.length === 0) return null;
  const canRetry = state.canCall === true && finished && purged === undefined;
  return (
    <section>
      <h2>What failed</h2>
      <ErrorGroups
        groups={groups}
        action={({ group_id, count, message, step }) =>
          // Rows that could not be read come back in a corrected file only.
          canRetry && step !== 'source' ? (
            <button
              type="button"
              aria-disabled={state.isBusy}
              aria-label={`Retry ${counted(count, 'record')}: ${message}`}
              onClick={() => act(retry({ group_ids: [group_id] }))}
            >
              Retry
            </button>
          ) : null
        }
      />
      {more === undefined ? null : (
        <p class="muted">
          And {counted(more.groups, 'more cause')} with {counted(more.failures, 'failure')}.
        </p>
      )}
    </section>
  );
}

async function open(place: HTMLElement): Promise<void> {
  const session = new ChatSession((state) =>
    render(<ChatView state={state} act={(wish) => void session.act(wish)} />, place),
  );
  new IntersectionObserver((entries) => session.seen(entries.at(-1)?.isIntersecting === true)).observe(place);
  try {
    session.join(
      await openHost({
        onResult: (result) => session.receive(result),
        onCancelled: (reason) => session.say(reason ?? 'The call was cancelled.'),
        onTeardown: () => session.end(),
      }),
    );
  } catch {
    session.say('The view has found no chat around it.');
  }
}

const place = document.getElementById('view');
if (place !== null) void open(place);
