import { setImmediate as breathe } from 'node:timers/promises';
import { type Failure, groupKey } from '../domain/failure.ts';
import type { DuplicateAction } from '../domain/job.ts';
import { type Redaction, redactionOf } from '../flows/redaction.ts';
import { maskedValue } from '../sources/masked-value.ts';
import { Profiler, type SourceProfile } from '../sources/profile.ts';
import { SourceBroken, type SourceRow } from '../sources/source.ts';
import type { NewRecord } from '../store/intake.ts';
import { type RowRules, rowRecord } from './new-record.ts';
import type { PreviewedRecord } from './preview-flow.ts';
import { type FlowInSight, type SampleRun, sampleRuns } from './sample-runs.ts';

/** Causes that are told apart; of further ones only the records are counted. */
const causesAtMost = 500;
const samplesOfCause = 3;

export interface RowsOptions {
  readonly rows: AsyncIterable<readonly SourceRow[]>;
  /** What finds a row in its source. */
  readonly placedBy: 'line' | 'index';
  /** What the flow does with a row on its way in; without a flow nothing but whether it can be stored. */
  readonly rules: RowRules;
  readonly duplicates: DuplicateAction;
  readonly flow: FlowInSight | undefined;
  /** What the flow last did with success, by record id. */
  readonly lastDigests: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Records whose runs are shown. */
  readonly samples: number;
  /** Reading ends after this time, in milliseconds, wherever it is. */
  readonly budgetMs: number;
  readonly signal: AbortSignal;
  readonly onRows: (rows: number) => void;
}

/** Why records would fail, and which. */
export interface Cause {
  readonly failure: Failure;
  readonly count: number;
  readonly indexes: readonly number[];
  readonly lines: readonly number[];
}

export interface RowsPreview extends Pick<RowsOptions, 'placedBy'> {
  readonly profile: SourceProfile;
  /** Rows that are no records. */
  readonly bad: number;
  /** false: the time was over, or the source could not be read on. */
  readonly isWhole: boolean;
  readonly broken: { readonly line: number; readonly message: string } | undefined;
  /** The largest first. */
  readonly causes: readonly Cause[];
  readonly wouldSend: number;
  readonly wouldFail: number;
  readonly duplicates: number;
  readonly unchanged: number;
  /** The runs of the first records. */
  readonly runs: readonly SampleRun[];
}

interface PlacedRecord extends PreviewedRecord {
  readonly line: number;
}

/**
 * Takes every row of a source as far as a start would without anything being sent or kept.
 *
 * @throws the signal's reason once it is aborted
 */
export async function previewRows(options: RowsOptions): Promise<RowsPreview> {
  const look = new RowsLook(options);
  const until = performance.now() + options.budgetMs;
  let isWhole = true;
  let broken: RowsPreview['broken'];
  try {
    for await (const batch of options.rows) {
      options.signal.throwIfAborted();
      await look.take(batch);
      options.onRows(look.rows);
      // A cancelled call, and those of others, are heard in between.
      await breathe();
      if (performance.now() < until) continue;
      isWhole = false;
      break;
    }
  } catch (error) {
    if (!(error instanceof SourceBroken)) throw error;
    broken = { line: error.line, message: error.message };
  }
  return { ...(await look.outcome()), isWhole: isWhole && broken === undefined, broken };
}

class RowsLook {
  readonly #options: RowsOptions;
  readonly #redaction: Redaction;
  readonly #profiler: Profiler;
  readonly #causes = new Map<
    string,
    { failure: Failure; count: number; indexes: number[]; lines: number[] }
  >();
  readonly #first: PlacedRecord[] = [];
  rows = 0;
  #bad = 0;
  #failed = 0;
  #sent = 0;
  #duplicates = 0;
  #unchanged = 0;

  constructor(options: RowsOptions) {
    this.#options = options;
    this.#redaction = redactionOf(options.flow?.flow.redact);
    this.#profiler = new Profiler((payload) => maskedValue(this.#redaction.payload(payload)));
  }

  async take(batch: readonly SourceRow[]): Promise<void> {
    const { rules } = this.#options;
    const records = batch.map((row) => rowRecord(row, rules));
    const known = rules.skipUnchanged ? await this.#lastDigests(records) : undefined;
    for (const [at, row] of batch.entries()) {
      const record = records[at];
      if (record !== undefined) this.#takeRow(row, record, known);
    }
  }

  async outcome(): Promise<Omit<RowsPreview, 'isWhole' | 'broken'>> {
    // Before the counts, which hold what these runs fail with.
    const runs = await this.#runs();
    return {
      placedBy: this.#options.placedBy,
      profile: this.#profiler.profile(this.#options.rules.idField !== null),
      bad: this.#bad,
      causes: [...this.#causes.values()].sort((a, b) => b.count - a.count),
      wouldSend: this.#sent,
      wouldFail: this.#failed,
      duplicates: this.#duplicates,
      unchanged: this.#unchanged,
      runs,
    };
  }

  #lastDigests(records: readonly NewRecord[]): Promise<ReadonlyMap<string, string>> {
    return this.#options.lastDigests(records.flatMap(({ id }) => (id === null ? [] : [id])));
  }

  #takeRow(row: SourceRow, record: NewRecord, known: ReadonlyMap<string, string> | undefined): void {
    const index = this.rows++;
    const { duplicates, rules, placedBy } = this.#options;
    const place = placedBy === 'line' ? row.line : index;
    if (row.kind === 'bad') this.#bad++;
    else this.#profiler.add(row.payload, place);
    const isRepeated = rules.idField !== null && this.#profiler.addId(record.id, place);
    const last = record.id === null ? undefined : known?.get(record.id);

    const failure =
      record.failure ?? (isRepeated && duplicates === 'fail' ? repeated(rules.idField) : undefined);
    if (failure !== undefined) this.#note(this.#redaction.failure(failure, row.payload), index, row.line);
    else if (isRepeated && duplicates === 'skip') this.#duplicates++;
    else if (record.digest !== undefined && last === record.digest) this.#unchanged++;
    else this.#takeRecord({ index, id: record.id, payload: row.payload, line: row.line });
  }

  #takeRecord(record: PlacedRecord): void {
    const { flow, samples } = this.#options;
    if (flow === undefined) return;
    if (this.#first.length < (flow.flow.chunk?.size ?? samples)) this.#first.push(record);
    const failure = flow.preview.isCheap ? flow.preview.failureOf(record) : undefined;
    if (failure === undefined) this.#sent++;
    else this.#note(failure, record.index, record.line);
  }

  #note(failure: Failure, index: number, line: number): void {
    this.#failed++;
    const key = groupKey(failure);
    const known = this.#causes.get(key);
    if (known === undefined) {
      if (this.#causes.size < causesAtMost)
        this.#causes.set(key, { failure, count: 1, indexes: [index], lines: [line] });
      return;
    }
    known.count++;
    if (known.indexes.length >= samplesOfCause) return;
    known.indexes.push(index);
    known.lines.push(line);
  }

  async #runs(): Promise<SampleRun[]> {
    const { flow } = this.#options;
    if (flow === undefined) return [];
    const { runs, failing } = await sampleRuns(this.#first, { ...flow, total: this.rows });
    // What the records of a flow that is cheap fail with has been noted as they came.
    if (flow.preview.isCheap) return runs;
    for (const { record, failure } of failing) {
      this.#sent--;
      this.#note(failure, record.index, record.line);
    }
    return runs;
  }
}

const repeated = (idField: string | null): Failure => ({
  class: 'data',
  code: 'duplicate_id',
  message: `The id field ${JSON.stringify((idField ?? '').slice(0, 60))} has a value that an earlier row has already`,
  step: 'source',
});
