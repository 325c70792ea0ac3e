import type { JsonObject, JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { readEarlierRecords } from '../engine/earlier-records.ts';
import { isTextual, type RowRules } from '../engine/new-record.ts';
import type { PreviewTarget } from '../engine/preview-flow.ts';
import { previewRows, type RowsOptions, type RowsPreview } from '../engine/preview-rows.ts';
import type { Missing } from '../engine/readiness.ts';
import type { Flow } from '../flows/flow.ts';
import { type FileLook, lookAtFile } from '../sources/file-look.ts';
import { readRows } from '../sources/open-file.ts';
import type { Source, SourceRow } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import { listJobs } from '../store/jobs.ts';
import { lastDigests } from '../store/last-successes.ts';
import { namedFields } from './batch-options.ts';
import { rowsId, type SourceInput, usingSource } from './batch-source.ts';
import { checkInput } from './check-input.ts';
import { completeParams } from './check-params.ts';
import type { OperationContext } from './context.ts';
import { checkNamedFields } from './named-fields.ts';
import { concurrencyOf, type Settings, settingsOf } from './new-job.ts';
import { type Plan, planDigest } from './plan-digest.ts';
import { startBatch } from './start-batch.ts';
import { checkShape, type StartInput } from './start-input.ts';

export const previewDefaults = { samples: 3, seconds: 20 } as const;
const progressMs = 1000;
/** Jobs of the flow that are asked how long a run takes. */
const jobsAsked = 10;

/** What preview_batch is asked; the rest is as start_batch takes it. */
export interface PreviewInput {
  readonly flow_id?: string | undefined;
  readonly records?: Record<string, unknown>[] | undefined;
  readonly source?: SourceInput | undefined;
  readonly id_field?: string | undefined;
  readonly concurrency?: number | undefined;
  readonly sample?: number | undefined;
  readonly max_seconds?: number | undefined;
}

/** Everything a preview has found out. */
export interface Previewed extends RowsPreview {
  readonly given: PreviewInput;
  /** undefined: the rows were given inline. */
  readonly source: Source | undefined;
  readonly file: FileLook | undefined;
  readonly idField: string | null;
  readonly ofFlow: FlowFindings | undefined;
}

export interface FlowFindings {
  readonly plan: Plan;
  readonly digest: string;
  readonly concurrency: number;
  readonly rate: string | null;
  readonly targets: readonly PreviewTarget[];
  /** Every row was rehearsed, not only the first ones. */
  readonly isWhole: boolean;
  readonly missing: readonly Missing[];
  /** How long a run took in earlier jobs; undefined: there are none. */
  readonly secondsPerRun: number | undefined;
}

/** Looks at the rows, and at what the flow would make of them. Sends and changes nothing. */
export async function lookAhead(context: OperationContext, given: PreviewInput): Promise<Previewed> {
  checkShape(given as Parameters<typeof checkShape>[0], context.limits.maxConcurrency);
  try {
    return await (given.flow_id === undefined
      ? usingSource(context, given.source, (source) => lookAtRows(context, given, source))
      : lookAtFlow(context, given, given.flow_id));
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new SluiceError('invalid_input', 'Given up before all rows were looked at. Nothing was changed.');
  }
}

async function lookAtRows(
  context: OperationContext,
  given: PreviewInput,
  source: Source | undefined,
): Promise<Previewed> {
  const idField = given.id_field ?? null;
  const rules = { flow: {}, params: {}, idField, orderBy: null, skipUnchanged: false };
  const seen = await look(context, given, source, { rules, duplicates: 'allow', flow: undefined });
  return { ...seen, given, source, file: await fileLook(source), idField, ofFlow: undefined };
}

async function lookAtFlow(
  context: OperationContext,
  given: PreviewInput,
  flowId: string,
): Promise<Previewed> {
  // What a start would refuse is refused in the same words.
  const { sample: _, max_seconds: __, ...start } = given;
  const checked = checkInput({ ...startBatch, name: 'preview_batch' }, { ...start, flow_id: flowId });
  const flow = await context.flows.find(flowId);
  const params = completeParams(flow, checked.params as JsonObject | undefined);
  const settings = await settingsOf(context, flow, checked);
  return usingSource(context, checked.source, (source) =>
    lookThrough(context, given, { ...settings, checked, flow, params, source }),
  );
}

interface Looking extends Settings {
  readonly checked: StartInput;
  readonly flow: Flow;
  readonly params: JsonObject;
  readonly source: Source | undefined;
}

async function lookThrough(
  context: OperationContext,
  given: PreviewInput,
  { checked, flow, params, options, idField, source }: Looking,
): Promise<Previewed> {
  await checkNamedFields(context, namedFields(checked, idField, options), checked.records, source);
  const plan = { flow, rows: rowsId(source ?? {}, checked), params, idField, options };

  const preview = await context.preview(flow, { params, signal: context.signal });
  const rules = { ...options, flow, params, idField };
  const ofFlow = { rules, duplicates: options.duplicates, flow: { flow, preview } };
  const seen = await look(context, given, source, ofFlow);
  const { db } = await context.open();
  return {
    ...seen,
    given,
    source,
    file: await fileLook(source),
    idField,
    ofFlow: {
      plan,
      digest: planDigest(plan),
      concurrency: concurrencyOf(checked, flow, context.limits.maxConcurrency),
      rate: options.rate,
      targets: preview.targets(),
      isWhole: preview.isCheap,
      missing: await context.readiness.missingFor(flow),
      secondsPerRun: await secondsPerRun(db, flow),
    },
  };
}

const fileLook = async (source: Source | undefined) =>
  source?.kind === 'file' ? lookAtFile(source) : undefined;

/** All elements of an array may be on one line. */
const placing = (source: Source | undefined) =>
  source?.kind === 'file' && source.format !== 'json' ? 'line' : 'index';

interface LookOptions extends Pick<RowsOptions, 'duplicates' | 'flow'> {
  readonly rules: Omit<RowRules, 'textual' | 'maxRecordBytes'>;
}

function look(
  context: OperationContext,
  given: PreviewInput,
  source: Source | undefined,
  { rules, duplicates, flow }: LookOptions,
): Promise<RowsPreview> {
  const { signal, limits } = context;
  const { maxRecordBytes } = limits;
  return previewRows({
    rows: source === undefined ? inline(given) : rowsOf(context, source),
    placedBy: placing(source),
    rules: { ...rules, textual: source !== undefined && isTextual(source), maxRecordBytes },
    duplicates,
    flow,
    lastDigests: async (ids) => lastDigests((await context.open()).db, flow?.flow.name ?? '', ids),
    samples: given.sample ?? previewDefaults.samples,
    budgetMs: (given.max_seconds ?? previewDefaults.seconds) * 1000,
    signal,
    onRows: reporting(context),
  });
}

async function* inline({ records = [] }: PreviewInput): AsyncGenerator<readonly SourceRow[]> {
  yield records.map((payload, at) => ({ kind: 'record', line: at + 1, payload: payload as JsonValue }));
}

async function* rowsOf(context: OperationContext, source: Source): AsyncGenerator<readonly SourceRow[]> {
  const { signal, limits } = context;
  if (source.kind === 'file') {
    yield* readRows(source, { maxRecordBytes: limits.maxRecordBytes, signal });
    return;
  }
  const { db } = await context.open();
  yield* readEarlierRecords({ db, source, batchJobId: source.batchJobId, skipRows: 0, signal });
}

function reporting({ progress }: OperationContext): (rows: number) => void {
  let reported = performance.now();
  return (rows) => {
    if (progress === undefined || performance.now() - reported < progressMs) return;
    reported = performance.now();
    progress({ done: rows, total: rows, message: `${rows} rows looked at` });
  };
}

/** The middle of what the newest jobs of the flow say. */
async function secondsPerRun(db: Database, { name, chunk }: Flow): Promise<number | undefined> {
  const jobs = await listJobs(db, { flowName: name, limit: jobsAsked });
  const found = jobs
    .filter(({ waveDone, waveSeconds, undoOf }) => waveDone > 0 && waveSeconds > 0 && undoOf === null)
    .map(({ waveDone, waveSeconds, waveConcurrency }) => {
      const runs = Math.ceil(waveDone / (chunk?.size ?? 1));
      return (waveSeconds * Math.min(waveConcurrency, runs)) / runs;
    })
    .toSorted((a, b) => a - b);
  return found[found.length >> 1];
}
