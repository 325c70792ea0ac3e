import { z } from 'zod';
import type { FailedRecord } from '../store/failures.ts';
import { cutTo, roomFor } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { errorOutput } from './record-error.ts';
import { shownValue } from './shown-payload.ts';
import { describeFailure } from './write-error-files.ts';

type Reader = Pick<OperationContext, 'isForProgram'>;

/** What a payload, and a message, may cost, in tokens; the files have them whole. */
const payloadTokens = 250;
const messageTokens = 60;

export const failureOutput = z.object({
  batch_job_id: z.string().optional(),
  flow: z.string().optional(),
  index: z.number().int(),
  id: z.string().optional(),
  status: z.string(),
  attempts: z.number().int(),
  group_id: z.string(),
  dead_letter: z.boolean().optional(),
  maybe_applied: z.boolean().optional().describe('The target may have acted on it'),
  error: errorOutput,
  payload: z.unknown(),
  payload_cut: z.boolean().optional(),
});

/** A failed record as an answer shows it. */
export function shownFailure(record: FailedRecord, reader: Reader) {
  const { value, isCut } = shownValue(record.payload, roomFor(reader, payloadTokens));
  const { error, ...shown } = describeFailure(record);
  return {
    ...shown,
    error: shownError(error, reader),
    payload: value,
    ...(isCut ? { payload_cut: true } : {}),
  };
}

/** An error with its messages cut to what a page of errors has room for. */
function shownError<E extends { message: string; untrusted_message?: string }>(error: E, reader: Reader): E {
  const { message, untrusted_message: said } = error;
  const room = roomFor(reader, messageTokens);
  return {
    ...error,
    message: cutTo(message, room),
    ...(said === undefined ? {} : { untrusted_message: cutTo(said, room) }),
  };
}
