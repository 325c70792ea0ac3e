import { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import type { Database } from '../store/database.ts';
import { readEndingResult } from '../store/ending.ts';
import type { BatchJob } from '../store/jobs.ts';
import { cutTo, roomFor } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { errorOf, errorOutput } from './record-error.ts';

/** What a result may cost, in tokens; a larger one is shown by its beginning, as text. */
const tokensShown = 400;

export const endingOutput = z.object({
  status: z.enum(['running', 'done', 'failed']),
  error: errorOutput.optional(),
  result: z.unknown().optional().describe('What it returned; text from outside may be in it'),
});

export type Ending = z.output<typeof endingOutput>;

export interface SeenEnding {
  /** undefined: there is none, or its time has not come. */
  readonly ending: Ending | undefined;
  /** Only the beginning of its result is shown. */
  readonly isCut: boolean;
}

/** How the end part of a job's flow stands. */
export async function endingOf(
  db: Database,
  job: BatchJob,
  reader: Pick<OperationContext, 'isForProgram'>,
): Promise<SeenEnding> {
  if (!job.hasEnd) return { ending: undefined, isCut: false };
  if (job.endingWave !== job.wave)
    return { ending: isDue(job) ? { status: 'running' } : undefined, isCut: false };
  if (job.endingFailure !== null)
    return { ending: { status: 'failed', error: errorOf(job.endingFailure) }, isCut: false };
  const result = await readEndingResult(db, job.id);
  if (result === null) return { ending: { status: 'done' }, isCut: false };
  const shown = beginningOf(result, roomFor(reader, tokensShown));
  return { ending: { status: 'done', result: shown }, isCut: shown !== result };
}

/** What the end part of a finished job returned, whole; null: nothing. */
export async function wholeEnding(db: Database, job: BatchJob): Promise<JsonValue> {
  const isDone = job.hasEnd && job.endingWave === job.wave && job.endingFailure === null;
  return isDone ? readEndingResult(db, job.id) : null;
}

const isDue = ({ finishedAt, status, intake, counts, obstacle }: BatchJob) =>
  finishedAt === null &&
  status !== 'paused' &&
  obstacle === null &&
  intake !== 'reading' &&
  counts.pending + counts.processing === 0;

function beginningOf(result: JsonValue, tokens: number): JsonValue {
  const text = JSON.stringify(result);
  const beginning = cutTo(text, tokens);
  return beginning === text ? result : beginning;
}
