import { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import type { Database } from '../store/database.ts';
import { readEndingResult } from '../store/ending.ts';
import type { BatchJob } from '../store/jobs.ts';
import { cutTo } from './answer-size.ts';
import { errorOf, errorOutput } from './record-error.ts';

/** What a result may cost, in tokens; a larger one is shown by its beginning, as text. */
const tokensShown = 400;

export const endingOutput = z.object({
  status: z.enum(['running', 'done', 'failed']),
  error: errorOutput.optional(),
  result: z.unknown().optional().describe('What it returned; text from outside may be in it'),
});

export type Ending = z.output<typeof endingOutput>;

/** How the end part of a job's flow stands; undefined: there is none, or its time has not come. */
export async function endingOf(db: Database, job: BatchJob): Promise<Ending | undefined> {
  if (!job.hasEnd) return undefined;
  if (job.endingWave !== job.wave) return isDue(job) ? { status: 'running' } : undefined;
  if (job.endingFailure !== null) return { status: 'failed', error: errorOf(job.endingFailure) };
  const result = await readEndingResult(db, job.id);
  return { status: 'done', ...(result === null ? {} : { result: shown(result) }) };
}

const isDue = ({ finishedAt, status, intake, counts, obstacle }: BatchJob) =>
  finishedAt === null &&
  status !== 'paused' &&
  obstacle === null &&
  intake !== 'reading' &&
  counts.pending + counts.processing === 0;

function shown(result: JsonValue): JsonValue {
  const text = JSON.stringify(result);
  const beginning = cutTo(text, tokensShown);
  return beginning === text ? result : beginning;
}
