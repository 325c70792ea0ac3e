import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { fullRedaction, type Redaction } from '../flows/redaction.ts';
import type { Database } from '../store/database.ts';
import {
  countDeadLetters,
  type DeadLetter,
  type DeadLetterPlace,
  dropDeadLetters,
  listDeadLetters,
} from '../store/dead-letters.ts';
import { findJob } from '../store/jobs.ts';
import { roomFor } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { type ExportFormat, fileLinks, writeAll, writeExport } from './export-file.ts';
import { fitPage, pageTokens } from './fit-page.ts';
import { countAtMost } from './input-limits.ts';
import { flowNameOf } from './job-filter.ts';
import { jobRedaction } from './job-flow.ts';
import { shownFailure } from './shown-failure.ts';
import { isCount, isMoment, isUuid } from './stored-forms.ts';
import { describeFailure, failureRows, redacted } from './write-error-files.ts';

const pageSize = 500;

/** Which dead letters of a job are given up. */
export const droppedInput = z.union([
  z.literal('all'),
  z.array(z.number().int().min(0).max(countAtMost)).min(1).max(10_000),
]);

export interface DeadLetterQuery {
  readonly flow_id?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** A page of dead letters across jobs, and on the first one files with all of them. */
export async function showDeadLetters(context: OperationContext, query: DeadLetterQuery) {
  const { flow_id, limit, cursor } = query;
  const { db } = await context.open();
  const flowName = flow_id === undefined ? undefined : await flowNameOf(context, db, flow_id);
  const behind = cursor === undefined ? undefined : readPlace(cursor);
  const mask = maskFor(context, db);
  const found = await listDeadLetters(db, { flowName, behind, limit: limit + 1 });
  const shown: ReturnType<typeof describe>[] = [];
  for (const record of found.slice(0, limit)) shown.push(describe(context, await mask(record)));
  const page = fitPage(shown, roomFor(context, pageTokens));
  const last = found[page.length - 1];
  const count = await countDeadLetters(db, flowName);
  const hasFiles = count > 0 && context.isForProgram !== true && context.isRemote !== true;
  const writesFiles = cursor === undefined && hasFiles;
  const write = (format: ExportFormat) => writeDeadLetters(context, db, flowName, format);
  const written = writesFiles ? await writeAll(context, count, write) : true;
  return {
    total_failed: count,
    groups: [],
    errors: page,
    ...(last === undefined || page.length >= found.length ? {} : { next_cursor: placeText(last) }),
    ...(hasFiles ? { files: fileLinks((format) => pathOf(context, db, flowName, format), undefined) } : {}),
    next_step: nextStep(count, written),
  };
}

function nextStep(count: number, written: boolean): string {
  if (count === 0) return 'There are no dead letters.';
  const files = written ? '' : ' The files are being written.';
  return `Each names its batch_job_id. retry_batch_failed_records with select {"dead_letters": true} sends those of a job again; update_batch with drop_dead_letters gives them up.${files}`;
}

function describe(context: OperationContext, record: DeadLetter) {
  return { batch_job_id: record.batchJobId, flow: record.flowName, ...shownFailure(record, context) };
}

/** Those of each owner and of each flow asked about have a file of their own. */
function pathOf(
  { exportsFolder }: OperationContext,
  { owner }: Database,
  flowName: string | undefined,
  format: ExportFormat,
): string {
  const whose = owner == null ? '' : `-${shortHash(owner)}`;
  const which = flowName === undefined ? '' : `-of-${inFileName(flowName)}`;
  return join(exportsFolder, `dead-letters${whose}${which}.${format}`);
}

/** As it is where every file system tells it from all others. */
const inFileName = (flowName: string) =>
  /^[a-z0-9][a-z0-9._-]{0,99}$/.test(flowName) ? flowName : shortHash(flowName);

const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

function writeDeadLetters(
  context: OperationContext,
  db: Database,
  flowName: string | undefined,
  format: ExportFormat,
): Promise<string> {
  const path = pathOf(context, db, flowName, format);
  return writeExport<DeadLetter>(context.exportsFolder, path, format, {
    ...failureRows,
    rows: () => allDeadLetters(context, db, flowName),
    toJson: (record) =>
      ({ batch_job_id: record.batchJobId, flow: record.flowName, ...describeFailure(record) }) as JsonValue,
    ownColumns: { _batch_job_id: ({ batchJobId }) => batchJobId, ...failureRows.ownColumns },
  });
}

async function* allDeadLetters(
  context: OperationContext,
  db: Database,
  flowName: string | undefined,
): AsyncGenerator<DeadLetter> {
  const mask = maskFor(context, db);
  let behind: DeadLetterPlace | undefined;
  for (;;) {
    const page = await listDeadLetters(db, { flowName, behind, limit: pageSize });
    for (const record of page) yield mask(record);
    behind = page.at(-1);
    if (page.length < pageSize) return;
  }
}

/** Masks what the flow of each record's job says, asking once for each job. */
function maskFor(context: OperationContext, db: Database): (record: DeadLetter) => Promise<DeadLetter> {
  const known = new Map<string, Promise<Redaction>>();
  return async (record) => {
    const { batchJobId } = record;
    const redaction = known.get(batchJobId) ?? redactionFor(context, db, batchJobId);
    known.set(batchJobId, redaction);
    return redacted(record, await redaction);
  };
}

async function redactionFor(context: OperationContext, db: Database, batchJobId: string): Promise<Redaction> {
  const job = await findJob(db, batchJobId);
  return job === undefined ? fullRedaction : jobRedaction(context, db, job);
}

const placeText = ({ failedAt, batchJobId, index }: DeadLetterPlace) => `${failedAt}/${batchJobId}/${index}`;

function readPlace(cursor: string): DeadLetterPlace {
  const [failedAt = '', batchJobId = '', index = '', ...more] = cursor.split('/');
  const isPlace = more.length === 0 && isMoment(failedAt) && isUuid(batchJobId) && isCount(index);
  if (isPlace) return { failedAt, batchJobId, index: Number(index) };
  throw new SluiceError(
    'invalid_input',
    'export_batch_errors: cursor: not a next_cursor of an earlier answer. Leave it out to begin with the first record.',
  );
}

/** Gives up dead letters of a job: they stay failed, and nobody is reminded of them any more. */
export async function giveUpDeadLetters(
  db: Database,
  batchJobId: string,
  which: 'all' | readonly number[],
): Promise<number> {
  const dropped = await dropDeadLetters(db, batchJobId, which);
  if (dropped > 0) return dropped;
  const what = which === 'all' ? 'no dead letters' : 'no dead letter with these indexes';
  throw new SluiceError(
    'invalid_input',
    `drop_dead_letters: batch job ${batchJobId} has ${what}. Nothing was changed.`,
  );
}
