import { foreignText } from '../../connectors/foreign-text.ts';
import { type Failure, RecordFailure } from '../../domain/failure.ts';
import { SluiceError } from '../../domain/sluice-error.ts';

/** Where in a flow something broke. */
export interface Place {
  /** `send`, or `notify[3].send` inside a loop. */
  readonly path: string;
  /** What broke, as the subject of a sentence: `step send`. */
  readonly subject: string;
}

/** The failure for whatever a function of a flow has thrown; what it said is shown as foreign text. */
export function stepFailure(thrown: unknown, { path, subject }: Place): RecordFailure {
  const step = groupedPath(path);
  if (thrown instanceof RecordFailure) {
    return thrown.failure.step === undefined ? brokenBy(thrown, { ...thrown.failure, step }) : thrown;
  }
  if (thrown instanceof SluiceError) {
    const { code } = thrown;
    const errorClass = code === 'database_unavailable' ? 'transient' : 'data';
    return brokenBy(thrown, { class: errorClass, code, step, ...wordsOf(thrown, subject) });
  }
  const { retryable, retryAfterMs } = hintsOf(thrown);
  const said = foreignText(textOf(thrown));
  return brokenBy(thrown, {
    class: retryable ? 'transient' : 'data',
    code: 'step_failed',
    message: `${subject} failed`,
    step,
    ...(said === undefined ? {} : { untrustedMessage: said }),
    ...(retryable && retryAfterMs !== undefined ? { retryAfterMs } : {}),
  });
}

/** What is wrong with a flow that is built while it runs may quote names made from a record. */
function wordsOf(
  { code, message }: SluiceError,
  subject: string,
): Pick<Failure, 'message' | 'untrustedMessage'> {
  if (code !== 'flow_invalid') return { message };
  const said = foreignText(message);
  return {
    message: `${subject}: a call cannot be meant as it is written`,
    ...(said === undefined ? {} : { untrustedMessage: said }),
  };
}

/** A failure in Sluice's own words. */
export function ownFailure(code: string, message: string, path: string, more: Partial<Failure> = {}) {
  return new RecordFailure({ class: 'data', code, message, step: groupedPath(path), ...more });
}

/** The error a handler gets to see: what was thrown, when that is known. */
export function thrownBy(failure: RecordFailure): Error {
  return failure.cause instanceof Error ? failure.cause : failure;
}

/** The same for all rounds of a loop, so that failures with one cause make one group. */
export function groupedPath(path: string): string {
  return path.replace(/\[[^\]]*\]/g, '');
}

function brokenBy(thrown: unknown, failure: Failure): RecordFailure {
  const broken = new RecordFailure(failure);
  broken.cause = thrown instanceof Error ? thrown : new Error(textOf(thrown));
  return broken;
}

function hintsOf(thrown: unknown): { retryable: boolean; retryAfterMs: number | undefined } {
  if (typeof thrown !== 'object' || thrown === null) return { retryable: false, retryAfterMs: undefined };
  const { retryable, retryAfterMs } = thrown as { retryable?: unknown; retryAfterMs?: unknown };
  const isWait = typeof retryAfterMs === 'number' && retryAfterMs >= 0 && Number.isFinite(retryAfterMs);
  return { retryable: retryable === true, retryAfterMs: isWait ? retryAfterMs : undefined };
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error))
    return typeof thrown === 'string' ? thrown : `threw a value of type ${typeof thrown}`;
  const plain = ['Error', 'TransientError', 'PermanentError'].includes(thrown.name);
  return plain ? thrown.message : `${thrown.name}: ${thrown.message}`;
}
