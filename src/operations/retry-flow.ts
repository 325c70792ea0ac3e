import type { JsonObject } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { codeStepsObstacle } from '../engine/obstacles.ts';
import type { Flow } from '../flows/flow.ts';
import { storedKindOf } from '../flows/stored-flow.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Repinning } from '../store/requeue.ts';
import { completeParams } from './check-params.ts';
import type { OperationContext } from './context.ts';

/**
 * The newest revision of a job's flow, for the job to go on with.
 *
 * @throws SluiceError when the job cannot go on with it.
 */
export async function repinLatest(
  context: OperationContext,
  job: BatchJob,
  params: JsonObject,
): Promise<Repinning & { readonly flow: Flow }> {
  if (job.undoOf !== null)
    throw refused(`batch job ${job.id} takes back what another job did, as its flow said then`);
  const flow = await context.flows.find(job.flow.name);
  const obstacle = codeStepsObstacle(flow, context.limits.allowCodeSteps);
  if (obstacle !== null) throw new SluiceError('code_steps_not_allowed', `${obstacle} Nothing was changed.`);
  if (flow.confirm === 'human' && flow.revision !== job.flow.revision) {
    throw refused(
      `the flow ${flow.name} wants a person to agree to each revision, which only a new job can ask for`,
    );
  }
  return {
    flow,
    flowKind: storedKindOf(flow),
    params: completeParams(flow, params),
    chunkSize: flow.chunk?.size ?? 1,
    hasEnd: flow.atEnd !== undefined,
  };
}

const refused = (why: string) =>
  new SluiceError('invalid_input', `flow_version: latest is not possible: ${why}. Nothing was changed.`);
