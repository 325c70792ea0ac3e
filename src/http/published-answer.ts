import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import type { getPublishedJob } from '../operations/get-published-job.ts';
import { problem } from './problem.ts';

type Job = z.output<(typeof getPublishedJob)['output']>;
type RecordError = NonNullable<NonNullable<Job['results']>[number]['error']>;

/** What came of the only record of a job; undefined: nothing yet. */
export function recordAnswer(c: Context, { results }: Job, statusUrl: string): Response | undefined {
  const [record] = results ?? [];
  if (record === undefined) return undefined;
  const headers = { location: statusUrl };
  const { error, status, result } = record;
  if (status === 'skipped')
    return problem(c, 503, 'not_carried_out', 'The job ended before the record began.', headers);
  if (error === undefined) return Response.json(result ?? null, { headers });
  const { code, message, untrusted_message } = error;
  return problem(c, statusOf(error), code, message, headers, { untrusted_message });
}

/** The caller's key was good, so what the target thinks of the flow's own credentials is no 401. */
function statusOf({ class: kind, code }: RecordError): ContentfulStatusCode {
  if (code === 'timeout') return 504;
  if (kind === 'data') return 422;
  return kind === 'conflict' ? 409 : 502;
}
