import { z } from 'zod';
import type { FailurePolicy } from '../domain/job.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Readiness } from '../engine/readiness.ts';
import type { Database } from '../store/database.ts';
import { countDeliveries } from '../store/delivery-attempts.ts';
import type { BatchJob } from '../store/jobs.ts';

/**
 * Refuses a policy that tells nobody of failures it should tell, or names what cannot be told.
 *
 * @throws SluiceError `invalid_input` or `connector_invalid`
 */
export async function checkCallback(policy: FailurePolicy, readiness: Readiness): Promise<void> {
  const { callback, onRecordFailure } = policy;
  const isWanted = onRecordFailure === 'callback';
  if (callback === undefined || callback === null) {
    if (!isWanted) return;
    const why = 'on_record_failure: callback needs to know whom to tell: give callback as well';
    throw new SluiceError('invalid_input', `${why}. ${await webhooks(readiness)} Nothing was started.`);
  }
  const found = (await readiness.connectors()).find(({ name }) => name === callback);
  if (found?.type === 'webhook' && found.missing === undefined) return;
  const problem =
    found === undefined
      ? `callback: no connector is named "${callback.slice(0, 100)}".`
      : found.type !== 'webhook'
        ? `callback: the connector ${found.name} has the type ${found.type}, not webhook.`
        : `callback: ${found.missing?.reason}`;
  throw new SluiceError('connector_invalid', `${problem} ${await webhooks(readiness)} Nothing was started.`);
}

async function webhooks(readiness: Readiness): Promise<string> {
  const names = (await readiness.connectors())
    .filter(({ type }) => type === 'webhook')
    .map(({ name }) => name)
    .slice(0, 20);
  return names.length === 0
    ? 'connectors.yaml declares no connector of type webhook; a person adds one there.'
    : `Connectors of type webhook: ${names.join(', ')}.`;
}

export const deliveriesOutput = z.object({
  pending: z.number().int(),
  delivered: z.number().int(),
  given_up: z.number().int(),
  last_error: z.string().optional(),
});

/** What has become of a job's callbacks; undefined: it has none. */
export async function deliveriesOf(
  db: Database,
  job: BatchJob,
): Promise<z.input<typeof deliveriesOutput> | undefined> {
  if (job.callback === null || job.purgedAt !== null) return undefined;
  const { pending, delivered, givenUp, lastError } = await countDeliveries(db, job.id);
  return { pending, delivered, given_up: givenUp, ...(lastError === null ? {} : { last_error: lastError }) };
}
