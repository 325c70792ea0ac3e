import type { Failure } from '../domain/failure.ts';
import type { Flow } from '../flows/flow.ts';
import type { FlowPreview, PlannedRun, PreviewedRecord } from './preview-flow.ts';

export interface SampleRun extends PlannedRun {
  readonly index: number;
  /** Records that the run is over. */
  readonly records: number;
}

/** A flow in front of its first run. */
export interface FlowInSight {
  readonly flow: Flow;
  readonly preview: FlowPreview;
}

/** What the runs are looked at with: the flow, and how many records the job would have. */
interface Looking extends FlowInSight {
  readonly total: number;
}

interface Failing<T> {
  readonly record: T;
  readonly failure: Failure;
}

/** The runs of the first records, or of the first chunk, and which of these records would fail. */
export async function sampleRuns<T extends PreviewedRecord>(
  first: readonly T[],
  given: Looking,
): Promise<{ runs: SampleRun[]; failing: Failing<T>[] }> {
  const runs: SampleRun[] = [];
  const failing: Failing<T>[] = [];
  const ofRuns = given.flow.chunk === undefined ? first.map((record) => [record]) : [first];
  // One after the other: they may go through the same steps.
  for (const records of ofRuns.filter(({ length }) => length > 0)) {
    const run = await sampleRun(records, given);
    runs.push(run);
    failing.push(...(await failingOf(run, records, given)));
  }
  return { runs, failing };
}

async function sampleRun(
  records: readonly PreviewedRecord[],
  { flow, preview, total }: Looking,
): Promise<SampleRun> {
  const [{ index, id, payload } = noRecord] = records;
  const seen = flow.chunk === undefined ? payload : records.map((record) => record.payload);
  return { index, records: records.length, ...(await preview.runOf({ index, id, payload: seen }, total)) };
}

const noRecord: PreviewedRecord = { index: 0, id: null, payload: null };

/** The records to blame are looked for in a chunk as a job does it: in one half after the other. */
async function failingOf<T extends PreviewedRecord>(
  { failure, shares = [] }: PlannedRun,
  records: readonly T[],
  given: Looking,
): Promise<Failing<T>[]> {
  if (failure === undefined) {
    return records.flatMap((record, at): Failing<T>[] => {
      const share = shares[at];
      return share !== undefined && 'failure' in share ? [{ record, failure: share.failure }] : [];
    });
  }
  if (given.flow.chunk?.onError !== 'bisect' || records.length === 1) {
    return records.map((record) => ({ record, failure }));
  }
  const middle = records.length >> 1;
  const failing: Failing<T>[] = [];
  for (const half of [records.slice(0, middle), records.slice(middle)]) {
    failing.push(...(await failingOf(await sampleRun(half, given), half, given)));
  }
  return failing;
}
