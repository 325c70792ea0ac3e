import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { inOrder, type JsonObject, type JsonValue } from '../domain/json.ts';
import { newRecord, type RowRules } from '../engine/new-record.ts';
import type { Flow } from '../flows/flow.ts';
import { storedKindOf } from '../flows/stored-flow.ts';
import type { Source } from '../sources/source.ts';
import type { NewJob } from '../store/create-job.ts';
import { batchOptions, checkOptions, namedFields } from './batch-options.ts';
import { rowsId, sameRows } from './batch-source.ts';
import { checkCallback } from './callbacks.ts';
import type { OperationContext } from './context.ts';
import { checkNamedFields } from './named-fields.ts';
import { checkPlan } from './plan-digest.ts';
import type { StartInput } from './start-input.ts';

/** What the job goes by besides its records. */
export async function settingsOf(context: OperationContext, flow: Flow, given: StartInput) {
  const idField = given.id_field ?? flow.batch.idField ?? null;
  const options = batchOptions(given.batch, flow);
  checkOptions(options, idField, flow);
  await checkCallback(options.policy, context.readiness);
  return { idField, options };
}

export type Settings = Awaited<ReturnType<typeof settingsOf>>;

/** What is known of a job before its rows are. */
interface Settled extends Settings {
  readonly requestDigest: string;
  readonly params: JsonObject;
  /** undefined: the records are given inline. */
  readonly source: Source | undefined;
  /** The records that are given inline come from where there are texts only. */
  readonly isTextual: boolean;
}

/** The job a call asks for, with its inline records checked one by one. */
export async function newJob(
  context: OperationContext,
  flow: Flow,
  given: StartInput,
  { idField, options, requestDigest, params, source: opened, isTextual }: Settled,
): Promise<Omit<NewJob, 'holder'>> {
  const { leaseMs, maxRecordBytes } = context.limits;
  const rules = { ...options, flow, params, idField, textual: isTextual, maxRecordBytes };
  const named = namedFields(given, idField, options);
  await checkNamedFields(context, named, given.records, opened);
  const { sourceDigest, ...source } = recordsOf(opened, given, rules);
  const concurrency = concurrencyOf(given, flow, context.limits.maxConcurrency);
  checkPlan(given.plan_digest, {
    flow,
    rows: rowsId(source.source, given),
    params,
    idField,
    options,
  });
  const hasParams = Object.keys(params).length > 0;
  return {
    id: uuidv7(),
    flow,
    flowKind: storedKindOf(flow),
    params,
    chunkSize: flow.chunk?.size ?? 1,
    hasEnd: flow.atEnd !== undefined,
    label: given.label ?? null,
    ...source,
    // The same rows with other values are another work.
    sourceDigest: hasParams ? digestOf([sourceDigest, inOrder(params)]) : sourceDigest,
    allowRepeat: given.allow_repeat ?? false,
    idempotencyKey: given.idempotency_key ?? null,
    requestDigest,
    idField,
    ...options,
    planDigest: given.plan_digest ?? null,
    awaitsApproval: flow.confirm === 'human',
    concurrency,
    leaseMs,
  };
}

export const concurrencyOf = (
  { concurrency }: Pick<StartInput, 'concurrency'>,
  { batch }: Pick<Flow, 'batch'>,
  maxConcurrency: number,
): number => concurrency ?? Math.min(batch.concurrency ?? 5, maxConcurrency);

function recordsOf(source: Source | undefined, { records = [] }: StartInput, rules: RowRules) {
  if (source !== undefined) return { source, sourceDigest: digestOf(sameRows(source)), records: undefined };
  return {
    source: rules.textual ? { kind: 'inline', format: 'query' } : { kind: 'inline' },
    sourceDigest: digestOf(records),
    records: records.map((payload) => newRecord(payload as JsonValue, rules)),
  };
}

const digestOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Of what has to be the same in a call with the same idempotency key. */
export const requestDigestOf = (flow: Flow, given: StartInput): string =>
  digestOf(inOrder({ ...given, flow_id: flow.name, idempotency_key: null } as JsonValue));
