import { z } from 'zod';
import { setAsideReasons } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import { recordStatuses } from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Redaction } from '../flows/redaction.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { findRecordStory, type PayloadVersion, type RecordStory } from '../store/record-story.ts';
import { roomFor, tokensOf } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { jobRedaction } from './job-flow.ts';
import type { ResponseFormat } from './response-format.ts';
import { shownValue } from './shown-payload.ts';

/** What a payload, all earlier payloads, the beginning of one of them and a result may cost, in tokens. */
const shown = {
  concise: { payload: 400, earlier: 600, beginning: 70, result: 200 },
  detailed: { payload: 2000, earlier: 3000, beginning: 500, result: 1000 },
} as const;

export const recordOutput = z.object({
  index: z.number().int(),
  id: z.string().optional(),
  status: z.enum(recordStatuses),
  set_aside: z.enum(setAsideReasons).optional(),
  dead_letter: z.boolean().optional(),
  maybe_applied: z.boolean().optional(),
  held: z.boolean().optional(),
  wave: z.number().int(),
  attempts: z.number().int(),
  waits_until: z.string().optional(),
  settled_at: z.string().optional(),
  payload: z.unknown(),
  payload_cut: z.boolean().optional(),
  patches: z.number().int(),
  earlier_payloads: z
    .array(
      z.object({
        revision: z.number().int(),
        replaced_at: z.string(),
        payload: z.unknown(),
        payload_cut: z.boolean().optional(),
      }),
    )
    .optional(),
  result: z.unknown().optional(),
  result_cut: z.boolean().optional(),
});

/**
 * One record as it stands: its payload and what that was before, its result, and what it waits for.
 *
 * @throws SluiceError `record_not_found`.
 */
export async function describeRecord(
  context: Pick<OperationContext, 'flows' | 'isForProgram'>,
  db: Database,
  job: BatchJob,
  index: number,
  format: ResponseFormat,
) {
  const found = await findRecordStory(db, job.id, index);
  if (found === undefined) throw noSuchRecord(job, index);
  const story = withRedaction(found, await jobRedaction(context, db, job));
  const room = (what: keyof (typeof shown)[ResponseFormat]) => roomFor(context, shown[format][what]);
  return {
    ...standing(story),
    ...payloadFields(story.payload, room('payload')),
    patches: story.revision,
    ...(story.versions.length === 0
      ? {}
      : { earlier_payloads: describeVersions(story.versions, room('earlier'), room('beginning')) }),
    ...resultFields(story.result, room('result')),
  };
}

/** A result may repeat what any version of the payload has held. */
function withRedaction(story: RecordStory, redaction: Redaction): RecordStory {
  const payloads = [story.payload, ...story.versions.map(({ payload }) => payload)];
  return {
    ...story,
    id: story.id === null ? null : redaction.text(story.id, story.payload),
    payload: redaction.payload(story.payload),
    result: payloads.reduce((result, payload) => redaction.within(result, payload), story.result),
    versions: story.versions.map((version) => ({ ...version, payload: redaction.payload(version.payload) })),
  };
}

function standing(story: RecordStory) {
  const { index, id, status, setAside, waitsUntilMs, settledAtMs, wave, attempts } = story;
  return {
    index,
    ...(id === null ? {} : { id }),
    status,
    ...(setAside === null ? {} : { set_aside: setAside }),
    ...(story.deadLetter ? { dead_letter: true } : {}),
    ...(story.maybeApplied ? { maybe_applied: true } : {}),
    ...(story.held ? { held: true } : {}),
    wave,
    attempts,
    ...(waitsUntilMs === null ? {} : { waits_until: momentIn(waitsUntilMs) }),
    ...(settledAtMs === null ? {} : { settled_at: momentIn(settledAtMs) }),
  };
}

const describeVersion = ({ revision, payload, replacedAtMs }: PayloadVersion, tokens: number) => ({
  revision,
  replaced_at: momentIn(replacedAtMs),
  ...payloadFields(payload, tokens),
});

/** Each whole while they fit, with room for the beginnings of those behind it. */
function describeVersions(versions: readonly PayloadVersion[], tokens: number, beginning: number) {
  // Nothing to share out, and counting a megabyte would take its time.
  if (!Number.isFinite(tokens)) return versions.map((version) => describeVersion(version, tokens));
  let left = tokens;
  return versions.map((version, at) => {
    const behind = versions.length - 1 - at;
    const whole = describeVersion(version, Math.max(left - behind * beginning, beginning));
    const isCut = whole.payload_cut === true;
    left -= isCut ? beginning : tokensOf(whole.payload);
    return isCut ? describeVersion(version, beginning) : whole;
  });
}

/** Whether of anything in it only the beginning is there. */
export const isRecordCut = ({
  payload_cut,
  result_cut,
  earlier_payloads = [],
}: Pick<z.output<typeof recordOutput>, 'payload_cut' | 'result_cut' | 'earlier_payloads'>) =>
  [payload_cut, result_cut, ...earlier_payloads.map((earlier) => earlier.payload_cut)].includes(true);

const momentIn = (ms: number) => new Date(ms).toISOString();

function payloadFields(payload: JsonValue, tokens: number) {
  const { value, isCut } = shownValue(payload, tokens);
  return { payload: value, ...(isCut ? { payload_cut: true } : {}) };
}

function resultFields(result: JsonValue, tokens: number) {
  if (result === null) return {};
  const { value, isCut } = shownValue(result, tokens);
  return { result: value, ...(isCut ? { result_cut: true } : {}) };
}

function noSuchRecord(job: BatchJob, index: number): SluiceError {
  const known =
    job.total === 0
      ? 'it has none yet'
      : `its records are numbered from 0 to ${job.total - 1}, in the order of the input`;
  return new SluiceError('record_not_found', `Batch job ${job.id} has no record ${index}; ${known}.`);
}
