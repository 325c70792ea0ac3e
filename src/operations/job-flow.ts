import type { JsonObject } from '../domain/json.ts';
import type { Flow } from '../flows/flow.ts';
import { fullRedaction, type Redaction, redactionOf } from '../flows/redaction.ts';
import { compileStored } from '../flows/stored-flow.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { getPinned } from '../store/pinned.ts';
import type { OperationContext } from './context.ts';

/** The flow as the job runs it, and the values that came along. */
export interface JobFlow {
  /** undefined: this process cannot compile it. */
  readonly flow: Flow | undefined;
  readonly params: JsonObject;
}

export async function jobFlow(
  { flows }: Pick<OperationContext, 'flows'>,
  db: Database,
  { id, flow: { name, revision }, undoOf }: BatchJob,
): Promise<JobFlow> {
  const pinned = await getPinned(db, id);
  if (pinned === undefined) return { flow: undefined, params: {} };
  const { params } = pinned;
  if (pinned.kind === 'code') return { flow: await flows.findRevision(revision), params };
  const flow = await compileStored(pinned.text, name, pinned.kind);
  return { flow: undoOf === null ? flow : flow?.undo, params };
}

/** What keeps the fields that the job's flow names under `redact` out of answers and files. */
export async function jobRedaction(
  context: Pick<OperationContext, 'flows'>,
  db: Database,
  job: BatchJob,
): Promise<Redaction> {
  const { flow } = await jobFlow(context, db, job);
  return flow === undefined ? fullRedaction : redactionOf(flow.redact);
}
