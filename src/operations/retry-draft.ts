import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Redaction } from '../flows/redaction.ts';
import { checkPayload } from '../sources/check-payload.ts';
import { quoteName } from '../sources/quote-name.ts';
import { fieldWithReplaced } from '../sources/replaced-text.ts';
import type { Renamed } from '../store/requeue.ts';
import type { Candidate } from '../store/retry-candidates.ts';
import type { StagedRecord } from '../store/staged-patches.ts';
import { cutTo } from './answer-size.ts';
import { shownValue } from './shown-payload.ts';

/** Problems told at once; a patch with more has told enough. */
const problemsTold = 5;
const samplesShown = 3;
/** What a payload, and an id, may cost in a preview. */
const payloadTokens = 150;
const idTokens = 40;

/** What stands for a record that could not be read. */
const placeholders = ['_text', '_too_large', '_preview', '_nested_too_deeply'];

export interface DraftRules {
  readonly maxRecordBytes: number;
  /** What the flow has against a payload. */
  readonly checkInput: (payload: JsonValue) => string | undefined;
  /** The record's own id, if the payload has one. */
  readonly idOf: (payload: JsonValue) => string | null;
  /** The key that its order goes by, if it has one. */
  readonly orderKeyOf: (payload: JsonValue) => string | null;
  readonly redaction: Redaction;
  /** Puts the records where the retry will find them. */
  readonly stage: (records: readonly StagedRecord[]) => Promise<void>;
}

/** What a retry would take up, as it is put together record by record. */
export class RetryDraft {
  readonly #rules: DraftRules;
  #unstaged: StagedRecord[] = [];
  readonly #problems: string[] = [];
  #problemCount = 0;
  readonly #samples: { candidate: Candidate; payload: JsonValue; isPatched: boolean }[] = [];
  /** Records whose own id, or the key that their order goes by, is another one now. */
  readonly renamed: Renamed[] = [];
  selected = 0;
  patched = 0;
  /** Records left out because they could not be read and nothing replaces them. */
  unread = 0;

  constructor(rules: DraftRules) {
    this.#rules = rules;
  }

  /** Takes a record up, with another payload if `made` is one. */
  add(candidate: Candidate, made: JsonValue, where = `record ${candidate.index}`): void {
    if (isDeepStrictEqual(made, candidate.payload)) {
      this.#addAsItIs(candidate);
      return;
    }
    const payload = candidate.unread ? withoutPlaceholders(made) : made;
    const misplaced = correctedPlaceholder(candidate, made);
    // Without values a row says no more than what was exported.
    if (
      misplaced === undefined &&
      candidate.unread &&
      holdsNothing(payload) &&
      !holdsNothing(candidate.payload)
    ) {
      this.#addAsItIs(candidate);
      return;
    }
    const problem = misplaced ?? this.#problemWith(payload) ?? unmendedText(candidate, payload);
    if (problem === undefined) {
      this.patched++;
      this.#noteNames(candidate, payload);
      this.#take(candidate, payload, true);
    } else this.refuse(where, problem);
  }

  /**
   * Takes a record up as a patch has made it. One that could not be read is left out: what is kept of it is no record,
   * whatever a patch adds. A duplicate is one, as soon as it has an id of its own.
   */
  addPatched(candidate: Candidate, made: JsonValue): void {
    if (candidate.unread && !this.#hasNewId(candidate, made)) this.unread++;
    else this.add(candidate, made);
  }

  #hasNewId({ failure, payload }: Candidate, made: JsonValue): boolean {
    const { idOf } = this.#rules;
    const id = idOf(made);
    return failure?.code === 'duplicate_id' && id !== null && id !== idOf(payload);
  }

  #addAsItIs(candidate: Candidate): void {
    if (candidate.unread) this.unread++;
    else this.#take(candidate, candidate.payload, false);
  }

  #take(candidate: Candidate, payload: JsonValue, isPatched: boolean): void {
    const { index } = candidate;
    this.selected++;
    this.#unstaged.push(isPatched ? { index, payload } : { index });
    const last = this.#samples.at(-1);
    // Patched ones are shown first.
    if (this.#samples.length === samplesShown && isPatched && last?.isPatched === false) this.#samples.pop();
    if (this.#samples.length === samplesShown) return;
    const at = isPatched ? this.#samples.filter((sample) => sample.isPatched).length : this.#samples.length;
    this.#samples.splice(at, 0, { candidate, payload, isPatched });
  }

  #noteNames({ index, id: idBefore, orderKey: keyBefore }: Candidate, payload: JsonValue): void {
    const { idOf, orderKeyOf } = this.#rules;
    const id = idOf(payload);
    const orderKey = orderKeyOf(payload);
    const names = {
      ...(id === null || id === idBefore ? {} : { id }),
      ...(orderKey === keyBefore ? {} : { orderKey }),
    };
    if (Object.keys(names).length > 0) this.renamed.push({ index, ...names });
  }

  #problemWith(payload: JsonValue): string | undefined {
    if (!isJsonObject(payload)) return 'would be no record any more';
    const checked = checkPayload(payload, this.#rules.maxRecordBytes);
    return checked.ok ? this.#rules.checkInput(payload) : checked.message.replace(/\.$/, '');
  }

  /** Notes that a record or a row of a file cannot be taken up, so that the whole retry is refused. */
  refuse(where: string, problem: string): void {
    this.#problemCount++;
    if (this.#problems.length < problemsTold) this.#problems.push(`${where}: ${problem}`);
  }

  async flush(): Promise<void> {
    const records = this.#unstaged;
    this.#unstaged = [];
    // A retry that will be refused needs no more.
    if (records.length > 0 && this.#problemCount === 0) await this.#rules.stage(records);
  }

  /** @throws SluiceError `invalid_input` naming the records that were refused. */
  refuseProblems(): void {
    if (this.#problemCount === 0) return;
    const more = this.#problemCount - this.#problems.length;
    const rest = more === 0 ? '' : `; and ${more} more`;
    throw new SluiceError(
      'invalid_input',
      `patch: ${this.#problemCount} records or rows do not work out: ${this.#problems.join('; ')}${rest}. Correct the patch, or leave them out with select. Nothing was changed.`,
    );
  }

  /** A few records as they are and as they would be. */
  samples() {
    const { redaction } = this.#rules;
    return this.#samples.map(({ candidate: { index, id, payload: before }, payload: after }) => ({
      index,
      ...(id === null ? {} : { id: cutTo(id, idTokens) }),
      // A patch may have put the value of a masked field into another one.
      ...shownChange(redaction.payload(before), redaction.within(redaction.payload(after), before)),
    }));
  }
}

/** Of large payloads only the fields that differ are shown. */
function shownChange(before: JsonValue, after: JsonValue) {
  const whole = [shownValue(before, payloadTokens), shownValue(after, payloadTokens)] as const;
  const isCut = whole.some((shown) => shown.isCut) && isJsonObject(before) && isJsonObject(after);
  if (!isCut) return { before: whole[0].value, after: whole[1].value };
  const differs = (key: string) => !isDeepStrictEqual(before[key], after[key]);
  const only = (payload: JsonObject) =>
    Object.fromEntries(Object.entries(payload).filter(([key]) => differs(key)));
  return {
    before: shownValue(only(before), payloadTokens).value,
    after: shownValue(only(after), payloadTokens).value,
  };
}

/** What is kept of a record that could not be stored has U+FFFD where a character was; nobody means to send that. */
function unmendedText({ failure, payload: kept }: Candidate, payload: JsonValue): string | undefined {
  const field = failure?.code === 'text_not_storable' ? fieldWithReplaced(kept, payload) : undefined;
  return field === undefined
    ? undefined
    : `${quoteName(field)} has U+FFFD in place of a character that could not be kept; write the text as it is to be`;
}

/** What stands for a record is for reading: a correction that was written there would be dropped without a word. */
function correctedPlaceholder({ unread, payload: kept }: Candidate, made: JsonValue): string | undefined {
  if (!unread || !isJsonObject(kept) || !isJsonObject(made)) return undefined;
  const changed = placeholders.find(
    (key) => kept[key] !== undefined && made[key] !== undefined && !saysTheSame(made[key], kept[key]),
  );
  return changed === undefined
    ? undefined
    : `what stands in ${changed} shows what could not be read, and is not sent; leave it, and write the record's values into columns (fields) with the names of the source's`;
}

/** Corrected CSV files have texts only. */
const saysTheSame = (made: JsonValue, kept: JsonValue) =>
  made === '' || isDeepStrictEqual(made, kept) || made === String(kept);

/** No field has a value. */
const holdsNothing = (payload: JsonValue) =>
  isJsonObject(payload) && Object.values(payload).every((value) => value === '' || value === null);

function withoutPlaceholders(payload: JsonValue): JsonValue {
  if (!isJsonObject(payload)) return payload;
  const isOf = ([key, value]: [string, JsonValue]) =>
    !placeholders.includes(key) && !(value === '' && /^_cell_\d+$/.test(key));
  return Object.fromEntries(Object.entries(payload).filter(isOf));
}
