import { createHash } from 'node:crypto';
import { v5 } from 'uuid';
import { type FileProblem, formatProblem } from '../connectors/file-problem.ts';

/** Something wrong with a flow's file. */
export type FlowProblem = FileProblem;
export { formatProblem };

/** What every kind of flow has, whatever its file says. */
export interface FlowIdentity {
  readonly revision: string;
  readonly text: string;
  /** For a file that gives no name. */
  readonly fileName: string;
}

/** Everything `flow_id`s are derived in; changing it would change them all. */
const flowNamespace = '6f0c64d1-7c0b-5a3e-9a53-2f3f5d8a1c77';

/** The id of a flow: the same for every revision. */
export function flowIdOf(name: string): string {
  return v5(name, flowNamespace);
}

/** What jobs are pinned to. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
