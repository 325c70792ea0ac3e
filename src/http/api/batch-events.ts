import { type JobStatus, jobStatuses } from '../../domain/job.ts';
import { percentOf } from '../../operations/counts.ts';
import { type BatchState, batchState } from '../../operations/watch-batches.ts';
import { contextOf } from '../environment.ts';
import { problem } from '../problem.ts';
import { type EventStream, openEventStream } from './event-stream.ts';
import { countWords, withJobWords } from './job-words.ts';
import { refuseUnknown } from './read-query.ts';
import type { ApiContext, ApiOptions, Route } from './route.ts';

/** Readers who leave their streams open. */
const streamsAtMost = 1000;
/** How long a reader who was cut off waits before it comes back, in milliseconds. */
const comeBackMs = 2000;

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

export const eventRoutes: readonly Route[] = [
  {
    method: 'get',
    path: '/batches/{batch_job_id}/events',
    id: 'watchBatch',
    group: 'Batches',
    summary:
      'Follow a batch job: batch_state at first and at each change of status, batch_progress in between',
    parameters: [
      {
        name: 'ticket',
        in: 'query',
        description: 'For readers that cannot send a header, from POST /tickets',
        schema: { type: 'string' },
      },
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'The present state follows at once, and nothing older',
        schema: { type: 'string' },
      },
    ],
    responses: {
      '200': {
        description: 'Events until the job has finished',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      '204': { description: 'The job has finished, and Last-Event-ID is that of its last event' },
    },
    handle: watch,
  },
];

async function watch(c: ApiContext, options: ApiOptions): Promise<Response> {
  refuseUnknown(Object.keys(c.req.queries()), ['ticket']);
  const state = await batchState(contextOf(options, c), c.req.param('batch_job_id') ?? '');
  if (state.finished && c.req.header('last-event-id') === idOf(state)) return c.body(null, 204);
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  if (options.watch.listeners >= streamsAtMost)
    return problem(c, 503, 'too_many_streams', 'Too many streams are open. Try later.', {
      'retry-after': '10',
    });
  return c.body(follow(c, options, state), 200, headers);
}

/** The state, and every change of it until the job has finished. */
function follow(
  c: ApiContext,
  { watch: watching }: ApiOptions,
  first: BatchState,
): ReadableStream<Uint8Array> {
  const { owner } = c.get('principal');
  let remove = () => {};
  const stream = openEventStream({
    onEnd() {
      remove();
    },
    onTooSlow: () => c.env.outgoing.destroy(),
  });
  stream.retry(comeBackMs);
  const tell = teller(stream);
  tell(first);
  if (!first.finished) remove = watching.add(owner, first.batch_job_id, { tell, end: () => stream.end() });
  return stream.body;
}

/** Sends what has changed since the state before. */
function teller(stream: EventStream): (state: BatchState) => void {
  let before: BatchState | undefined;
  return (state) => {
    const isFirst = before === undefined;
    const hasMoved = !isFirst && JSON.stringify(state.counts) !== JSON.stringify(before?.counts);
    const isOther = state.status !== before?.status || state.finished !== before?.finished;
    before = state;
    if (hasMoved) stream.send({ event: 'batch_progress', id: idOf(state), data: progressOf(state) });
    if (isOther) stream.send({ event: 'batch_state', id: idOf(state), data: stateOf(state) });
    if (state.finished) stream.end();
  };
}

function progressOf({ batch_job_id, status, total, counts }: BatchState) {
  const processed = total - counts.pending - counts.processing;
  return {
    event: 'batch_progress',
    timestamp: new Date().toISOString(),
    batch_job_id,
    status,
    total_count: total,
    ...countWords(counts),
    processed,
    percent: percentOf(processed, total),
    counts,
  };
}

const stateOf = (state: BatchState) => ({
  event: 'batch_state',
  timestamp: new Date().toISOString(),
  batch_job: withJobWords({ ...state }),
});

/** Another one for each state; how far it has come stands first. */
function idOf({ wave, total, counts, status, finished }: BatchState): string {
  const settled = total - counts.pending - counts.processing;
  const stage = jobStatuses.indexOf(status satisfies JobStatus);
  return [wave, total, settled, counts.processing, stage, finished ? 1 : 0].join('-');
}
