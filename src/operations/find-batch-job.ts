import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { type BatchJob, findJob, findJobsByEnd, findLatestJob, listJobs } from '../store/jobs.ts';
import { isUuid } from './stored-forms.ts';

/** How every operation takes a job: its id, the beginning or the end of it, or `latest`. */
export const batchJobIdInput = z
  .string()
  .min(1)
  .max(100)
  .describe('Id of the job, 8 or more characters of either end, or "latest"');

const partOfId = /^[0-9a-f-]{8,36}$/;

/**
 * The job a caller means.
 *
 * @throws SluiceError `batch_job_not_found` or `ambiguous_batch_job_id`, naming jobs there are.
 */
export async function getBatchJob(db: Database, reference: string): Promise<BatchJob> {
  const wanted = reference.trim().toLowerCase();
  const found = await candidates(db, wanted);
  const [job] = found;
  if (job === undefined) throw await notFound(db, reference);
  if (found.length === 1) return job;
  throw new SluiceError(
    'ambiguous_batch_job_id',
    `"${wanted}" begins or ends the ids of several batch jobs (${found.map(({ id }) => id).join(', ')}). Give more of it.`,
  );
}

async function candidates(db: Database, wanted: string): Promise<BatchJob[]> {
  if (wanted === 'latest') return present(await findLatestJob(db));
  if (isUuid(wanted)) return present(await findJob(db, wanted));
  return partOfId.test(wanted) ? findJobsByEnd(db, wanted) : [];
}

const present = (job: BatchJob | undefined) => (job === undefined ? [] : [job]);

async function notFound(db: Database, reference: string): Promise<SluiceError> {
  const recent = await listJobs(db, { limit: 3 });
  const known =
    recent.length === 0
      ? 'There are no batch jobs yet; start_batch starts one.'
      : `The newest are ${recent.map(({ id }) => id).join(', ')}; list_batch_jobs shows more.`;
  return new SluiceError(
    'batch_job_not_found',
    `No batch job has the id "${reference.slice(0, 60)}". ${known}`,
  );
}
