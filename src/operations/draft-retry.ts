import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { compilePatch } from '../flows/payload-patch.ts';
import { compileFilter, type RecordCondition } from '../flows/record-filter.ts';
import type { Redaction } from '../flows/redaction.ts';
import { type CorrectedRow, type RowProblem, readCorrectedRows } from '../sources/corrected-rows.ts';
import type { FileSource } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type Candidate, listCandidates } from '../store/retry-candidates.ts';
import type { RetrySelection } from '../store/retry-selection.ts';
import type { RetryDraft } from './retry-draft.ts';
import type { PatchInput } from './retry-input.ts';

export interface DraftWishes {
  readonly db: Database;
  readonly job: BatchJob;
  readonly selection: RetrySelection;
  readonly where: RecordCondition | undefined;
  readonly patch: PatchInput | undefined;
  /** The file of `patch.source`. */
  readonly file: FileSource | undefined;
  readonly redaction: Redaction;
  readonly maxRecordBytes: number;
  readonly signal: AbortSignal;
}

/** What a draft came upon besides the records it took up. */
export interface Drafted {
  /** Records for which the expression of `where` cannot be computed. */
  readonly undecided: number;
  /** Records of the file that are not among those to choose from. */
  readonly notChosen: readonly string[];
}

/** Looks at every record that the selection fits and puts those that go another round into the draft. */
export async function draftRetry(draft: RetryDraft, wishes: DraftWishes): Promise<Drafted> {
  return wishes.file === undefined ? fromSelection(draft, wishes) : fromFile(draft, wishes, wishes.file);
}

async function fromSelection(draft: RetryDraft, wishes: DraftWishes): Promise<Drafted> {
  const { db, job, selection, patch } = wishes;
  const fits = filterOf(wishes);
  const change = changeOf(patch);
  let undecided = 0;
  for await (const page of listCandidates(db, job.id, selection)) {
    for (const candidate of page) {
      const found = fits(candidate);
      if (found === 'undecided') undecided++;
      if (found === true) addChanged(draft, candidate, change);
    }
    await draft.flush();
  }
  return { undecided, notChosen: [] };
}

const filterOf = ({ where }: DraftWishes) => {
  const fits = where === undefined ? () => true : compileFilter(where);
  return ({ payload }: Candidate) => fits(payload);
};

function changeOf(patch: PatchInput | undefined): (payload: JsonValue) => JsonValue {
  if (patch?.set !== undefined) return compilePatch({ set: patch.set });
  if (patch?.json_patch !== undefined) return compilePatch({ json_patch: patch.json_patch });
  return (payload) => payload;
}

function addChanged(
  draft: RetryDraft,
  candidate: Candidate,
  change: (payload: JsonValue) => JsonValue,
): void {
  try {
    draft.add(candidate, change(candidate.payload));
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    draft.refuse(`record ${candidate.index}`, error.failure.message);
  }
}

async function fromFile(draft: RetryDraft, wishes: DraftWishes, source: FileSource): Promise<Drafted> {
  const { job, maxRecordBytes, signal } = wishes;
  const fits = filterOf(wishes);
  const seen = new Set<number>();
  const notChosen: string[] = [];
  let undecided = 0;
  for await (const rows of readCorrectedRows({ source, idField: job.idField, maxRecordBytes, signal })) {
    const usable = rows.filter((row): row is CorrectedRow => isUsable(draft, row));
    const candidates = await candidatesFor(wishes, usable);
    for (const row of usable) {
      const candidate = theOne(draft, row, candidates, notChosen);
      const found = candidate !== undefined && fits(candidate);
      if (found === 'undecided') undecided++;
      if (found === true) addRow(draft, row, candidate, seen, wishes.redaction);
    }
    await draft.flush();
  }
  return { undecided, notChosen };
}

function isUsable(draft: RetryDraft, row: CorrectedRow | RowProblem): boolean {
  if ('problem' in row) draft.refuse(`line ${row.line}`, row.problem);
  return !('problem' in row);
}

/** Records that the rows may be for, by index and by id. */
interface Candidates {
  readonly byIndex: ReadonlyMap<number, Candidate>;
  readonly byId: ReadonlyMap<string, readonly Candidate[]>;
}

async function candidatesFor(
  { db, job, selection }: DraftWishes,
  rows: readonly CorrectedRow[],
): Promise<Candidates> {
  const byIndex = new Map<number, Candidate>();
  const byId = new Map<string, Candidate[]>();
  const indexes = rows.flatMap(({ key }) => ('index' in key ? [key.index] : []));
  const ids = rows.flatMap(({ key }) => ('id' in key ? [key.id] : []));
  const chosen = (candidate: Candidate) =>
    (selection.indexes?.includes(candidate.index) ?? true) &&
    (selection.ids?.includes(candidate.id ?? '') ?? true);
  const wanted = { ...selection, indexes: undefined, ids: undefined };
  if (indexes.length > 0) {
    for await (const page of listCandidates(db, job.id, { ...wanted, indexes })) {
      for (const candidate of page.filter(chosen)) byIndex.set(candidate.index, candidate);
    }
  }
  if (ids.length > 0) {
    for await (const page of listCandidates(db, job.id, { ...wanted, ids })) {
      for (const candidate of page.filter(chosen)) {
        const id = candidate.id ?? '';
        byId.set(id, [...(byId.get(id) ?? []), candidate]);
      }
    }
  }
  return { byIndex, byId };
}

function theOne(
  draft: RetryDraft,
  { key, line }: CorrectedRow,
  { byIndex, byId }: Candidates,
  notChosen: string[],
): Candidate | undefined {
  const found = 'index' in key ? [byIndex.get(key.index)] : (byId.get(key.id) ?? []);
  const [candidate] = found;
  if (candidate === undefined) notChosen.push('index' in key ? String(key.index) : key.id);
  else if (found.length > 1) draft.refuse(`line ${line}`, 'several records have this id; use _index');
  return found.length > 1 ? undefined : candidate;
}

function addRow(
  draft: RetryDraft,
  row: CorrectedRow,
  candidate: Candidate,
  seen: Set<number>,
  redaction: Redaction,
): void {
  const where = `line ${row.line}`;
  if (seen.has(candidate.index)) {
    draft.refuse(where, `record ${candidate.index} stands in the file twice`);
    return;
  }
  seen.add(candidate.index);
  const { payload, unread } = candidate;
  const corrected = row.correct(payload, redaction.payload(payload), unread);
  if ('problem' in corrected) draft.refuse(where, corrected.problem);
  else draft.add(candidate, corrected.payload, where);
}
