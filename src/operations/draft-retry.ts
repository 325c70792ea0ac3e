import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { compilePatch } from '../flows/payload-patch.ts';
import { compileFilter, type RecordCondition } from '../flows/record-filter.ts';
import type { Redaction } from '../flows/redaction.ts';
import type { FileSource } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type Candidate, listCandidates } from '../store/retry-candidates.ts';
import type { RetrySelection } from '../store/retry-selection.ts';
import { fromFile } from './draft-from-file.ts';
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
  /** The id that the job keeps for a record with this payload. */
  readonly idOf: (payload: JsonValue) => string | null;
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
  return wishes.file === undefined
    ? fromSelection(draft, wishes)
    : fromFile(draft, wishes, wishes.file, filterOf(wishes));
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
    draft.addPatched(candidate, change(candidate.payload));
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    if (candidate.unread) draft.addPatched(candidate, candidate.payload);
    else draft.refuse(`record ${candidate.index}`, error.failure.message);
  }
}
