import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../domain/json.ts';
import type { RecordFilter } from '../flows/record-filter.ts';
import type { Redaction } from '../flows/redaction.ts';
import { type CorrectedRow, type RowProblem, readCorrectedRows } from '../sources/corrected-rows.ts';
import type { FileSource } from '../sources/source.ts';
import { type Candidate, listCandidates, listEarlierPayloads } from '../store/retry-candidates.ts';
import type { Drafted, DraftWishes } from './draft-retry.ts';
import type { RetryDraft } from './retry-draft.ts';

/** Takes up the records that the rows of a corrected file are for. */
export async function fromFile(
  draft: RetryDraft,
  wishes: DraftWishes,
  source: FileSource,
  fits: (candidate: Candidate) => ReturnType<RecordFilter>,
): Promise<Drafted> {
  const { job, idOf, maxRecordBytes, signal } = wishes;
  const file = { source, batchJobId: job.id, idField: job.idField, idOf, maxRecordBytes, signal };
  const seen = new Set<number>();
  const notChosen: string[] = [];
  let undecided = 0;
  for await (const rows of readCorrectedRows(file)) {
    const usable = rows.filter((row): row is CorrectedRow => isUsable(draft, row));
    const candidates = await candidatesFor(wishes, usable);
    const chosen = usable.flatMap((row): Pairing[] => {
      const candidate = theOne(draft, row, candidates);
      if (candidate === 'none') notChosen.push(shownKey(row, wishes));
      return typeof candidate === 'string' ? [] : [{ row, candidate }];
    });
    const earlier = await earlierPayloads(wishes, chosen);
    for (const pairing of chosen) {
      const found = fits(pairing.candidate);
      if (found === 'undecided') undecided++;
      if (found === true) addRow(draft, pairing, earlier, seen, wishes.redaction);
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
): Candidate | 'none' | 'several' {
  const found = 'index' in key ? [byIndex.get(key.index)] : (byId.get(key.id) ?? []);
  const [candidate] = found;
  if (candidate === undefined) return 'none';
  if (found.length === 1) return candidate;
  draft.refuse(`line ${line}`, 'several records have this id; use _index');
  return 'several';
}

/** How a row is named in an answer: by its line where nobody may see the field that its id is from. */
function shownKey({ key, line }: CorrectedRow, { job, redaction }: DraftWishes): string {
  if ('index' in key) return String(key.index);
  const fields = { [job.idField ?? '']: key.id };
  return isDeepStrictEqual(redaction.payload(fields), fields) ? key.id : `line ${line}`;
}

/** A row, and the record it is for. */
interface Pairing {
  readonly row: CorrectedRow;
  readonly candidate: Candidate;
}

/**
 * What the payloads were before, the newest first, of records that have been retried since their row was exported:
 * others may have corrected them meanwhile.
 */
function earlierPayloads({ db, job }: DraftWishes, pairings: readonly Pairing[]) {
  const isOlder = ({ row, candidate }: Pairing) =>
    candidate.revision > 0 && row.status !== undefined && row.status !== candidate.status;
  return listEarlierPayloads(
    db,
    job.id,
    pairings.filter(isOlder).map(({ candidate }) => candidate.index),
  );
}

function addRow(
  draft: RetryDraft,
  { row, candidate }: Pairing,
  earlier: ReadonlyMap<number, readonly JsonValue[]>,
  seen: Set<number>,
  redaction: Redaction,
): void {
  const where = `line ${row.line}`;
  if (seen.has(candidate.index)) {
    draft.refuse(where, `record ${candidate.index} stands in the file twice`);
    return;
  }
  seen.add(candidate.index);
  const { payload, unread, index } = candidate;
  const exported = (version: JsonValue) => ({ payload: version, exported: redaction.payload(version) });
  const corrected = row.correct([exported(payload), ...(earlier.get(index) ?? []).map(exported)], unread);
  if ('problem' in corrected) draft.refuse(where, corrected.problem);
  else draft.add(candidate, corrected.payload, where);
}
