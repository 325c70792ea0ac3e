import { createHash } from 'node:crypto';
import type { DuplicateAction } from '../domain/job.ts';
import { inOrder, type JsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';

/** What a person or a model has looked at before a start. */
export interface Plan {
  readonly flow: Flow;
  /** The same for the same rows. */
  readonly rows: unknown;
  readonly params: JsonObject;
  readonly idField: string | null;
  /** Which of the rows are sent, and in what order. How fast, and when to stop, is not part of a plan. */
  readonly options: {
    readonly duplicates: DuplicateAction;
    readonly skipUnchanged: boolean;
    readonly orderBy: string | null;
  };
}

/** Stands for a plan. Its parts are told apart, so that a start can say which of them has changed. */
export function planDigest(plan: Plan): string {
  return ['plan', ...Object.values(partsOf(plan))].join('-');
}

function partsOf({ flow, rows, params, idField, options }: Plan) {
  const { duplicates, skipUnchanged, orderBy } = options;
  return {
    flow: hashOf(flow.revision),
    source: hashOf(rows),
    scope: hashOf([params, idField, duplicates, skipUnchanged, orderBy]),
  };
}

// Through JSON, so that what was not given and what was given as undefined are the same.
const hashOf = (value: unknown) =>
  createHash('sha256')
    .update(JSON.stringify(inOrder(JSON.parse(JSON.stringify(value)) as JsonValue)))
    .digest('hex')
    .slice(0, 12);

const changes = {
  flow: 'the flow is another text',
  source: 'the rows are others (the file was written to, or is another one)',
  scope: 'params, id_field, duplicates, skip_unchanged or order_by are others',
} as const;

/**
 * Makes sure that a start is what was looked at, if anything was.
 *
 * @throws SluiceError `plan_changed`, or `plan_required` when the flow wants a plan and there is none.
 */
export function checkPlan(given: string | undefined, plan: Plan): void {
  if (given === undefined) {
    if (plan.flow.confirm !== 'plan') return;
    throw new SluiceError(
      'plan_required',
      `The flow ${plan.flow.name} starts only with a plan that was looked at (confirm: plan). Call preview_batch with the same arguments, then start_batch with its plan_digest. Nothing was started.`,
    );
  }
  const now = partsOf(plan);
  const [word, ...hashes] = given.trim().split('-');
  const names = Object.keys(changes) as (keyof typeof changes)[];
  if (word !== 'plan' || hashes.length !== names.length) {
    throw new SluiceError(
      'invalid_input',
      'plan_digest: preview_batch gave no such digest. Nothing was started.',
    );
  }
  const changed = names.filter((name, at) => now[name] !== hashes[at]);
  if (changed.length === 0) return;
  const what = changed.map((name) => `${name}: ${changes[name]}`).join('; ');
  throw new SluiceError(
    'plan_changed',
    `This is not what preview_batch looked at. Changed: ${what}. Call preview_batch again with the arguments of this start, and look at its answer. Nothing was started.`,
  );
}
