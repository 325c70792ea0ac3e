import { z } from 'zod';
import { didYouMean, meantBy } from '../connectors/did-you-mean.ts';
import { maxFileProblems } from '../connectors/file-problem.ts';
import type { NodePath } from '../connectors/yaml-file.ts';
import { isJsonObject } from '../domain/json.ts';
import { commonKeys } from './step-file.ts';
import type { StepKind } from './steps/step-kind.ts';
import { successAdvice } from './success-advice.ts';
import type { Report, WrittenStep } from './written-steps.ts';

type Settings = Readonly<Record<string, unknown>>;

/** The keys of a step: those that every step has, and those of its kind. */
export interface StepKeys {
  readonly common: Settings;
  readonly own: Settings;
  /** Where a setting stands in the file. */
  readonly place: (path: NodePath) => NodePath;
}

/**
 * Sorts the keys of a step, those under `inputs` included. A key that is a slip of another one is reported and
 * taken for it, so that the rest of the step can be checked; every other unknown one is left out.
 */
export function stepKeys(step: WrittenStep, kind: StepKind | undefined, report: Report): StepKeys {
  return new KeySorter(step, kind, report).sorted();
}

/** How the keys of a kind are understood. */
interface OwnKeys {
  readonly names: readonly string[];
  /** Any other key is one of its own, too. */
  readonly takesAny: boolean;
}

class KeySorter {
  readonly #step: WrittenStep;
  readonly #own: OwnKeys | undefined;
  readonly #report: Report;
  readonly #common = new Map<string, unknown>();
  readonly #ofKind = new Map<string, unknown>();
  readonly #places = new Map<string, NodePath>();
  #unknown = 0;

  constructor(step: WrittenStep, kind: StepKind | undefined, report: Report) {
    this.#step = step;
    this.#own = kind === undefined ? undefined : ownKeys(kind);
    this.#report = report;
  }

  sorted(): StepKeys {
    const { settings, path } = this.#step;
    const word = typeof settings.type === 'string' || typeof settings.task !== 'string' ? 'type' : 'task';
    const skipped = [word, 'inputs', 'name'];
    const onStep = Object.entries(settings).filter(([key]) => !skipped.includes(key));
    for (const [key, value] of onStep) this.#onStep(key, value, [...path, key]);
    this.#inputs(settings.inputs, [...path, 'inputs']);
    const places = this.#places;
    return {
      common: Object.fromEntries(this.#common),
      own: Object.fromEntries(this.#ofKind),
      place: ([first, ...rest]) => {
        if (first === undefined) return path;
        return [...(places.get(String(first)) ?? [...path, first]), ...rest];
      },
    };
  }

  #onStep(key: string, value: unknown, path: NodePath): void {
    const own = this.#own;
    if (this.#isOwn(key)) this.#keep(this.#ofKind, key, value, path);
    else if (commonKeys.has(key)) this.#keep(this.#common, key, value, path);
    else if (own === undefined) return;
    else if (own.takesAny && meantBy(key, [...commonKeys]) === undefined)
      this.#keep(this.#ofKind, key, value, path);
    else this.#slip(key, value, path, [...own.names, ...commonKeys]);
  }

  #inputs(inputs: unknown, path: NodePath): void {
    if (inputs === undefined) return;
    if (isJsonObject(inputs)) {
      for (const [key, value] of Object.entries(inputs)) this.#input(key, value, [...path, key]);
    } else {
      this.#report({ path }, 'inputs must be a map of keys and values');
    }
  }

  #input(key: string, value: unknown, path: NodePath): void {
    const own = this.#own;
    if (own === undefined) return;
    const isTwice = this.#ofKind.has(key) || (isUnderstoodInside(key) && this.#common.has(key));
    if (isTwice) this.#report({ path, key: true }, `"${key}" is also given on the step itself`);
    else if (this.#isOwn(key)) this.#keep(this.#ofKind, key, value, path);
    else if (isUnderstoodInside(key)) this.#keep(this.#common, key, value, path);
    else if (own.takesAny) this.#keep(this.#ofKind, key, value, path);
    else if (commonKeys.has(key)) this.#misplaced(key, value, path);
    else this.#slip(key, value, path, own.names);
  }

  #misplaced(key: string, value: unknown, path: NodePath): void {
    this.#report({ path, key: true }, `${key} stands on the step itself, not under inputs`);
    if (!this.#common.has(key)) this.#keep(this.#common, key, value, path);
  }

  #slip(key: string, value: unknown, path: NodePath, known: readonly string[]): void {
    this.#unknown += 1;
    if (this.#unknown > maxFileProblems) return;
    const { settings } = this.#step;
    const free = known.filter((name) => !this.#ofKind.has(name) && !Object.hasOwn(settings, name));
    const words = successAdvice(key, known) ?? wordsFor(key, value);
    const given = meantBy(key, free) === undefined ? meantBy(key, known) : undefined;
    const advice = given === undefined ? didYouMean(key, free) : `"${given}" is given already`;
    this.#report({ path, key: true }, `unknown key "${key}"`, words ?? advice);
    const meant = words === undefined ? meantBy(key, free) : undefined;
    if (meant !== undefined) this.#keep(this.#isOwn(meant) ? this.#ofKind : this.#common, meant, value, path);
  }

  #isOwn(key: string): boolean {
    return this.#own?.names.includes(key) === true;
  }

  #keep(keys: Map<string, unknown>, key: string, value: unknown, path: NodePath): void {
    keys.set(key, value);
    this.#places.set(key, path);
  }
}

function ownKeys({ settings }: StepKind): OwnKeys {
  if (!(settings instanceof z.ZodObject)) return { names: [], takesAny: true };
  const { catchall } = settings.def;
  const takesAny = catchall !== undefined && !(catchall instanceof z.ZodNever);
  return { names: Object.keys(settings.shape), takesAny };
}

/** Keys of every step that are understood wherever people put them. */
const isUnderstoodInside = (key: string) => key === 'retry' || key === 'timeout';

/** How to wait for what another system has begun. */
export const pollAdvice =
  'write type: http_request, behind it type: fail with retry: true and when: it is not ready, and retry: { max_attempts: 20, delay: 10s, backoff: fixed } beside steps:; each retry begins at the first step, so checkpoint: true on those that must not run twice';
const sizeAdvice =
  'write size: beside steps: for so many records in one run, the list items; where the answer names bad ones, failed_items: beside size: makes only those fail';

/** What people write who know another tool. */
const otherWords: Readonly<Partial<Record<string, string>>> = {
  task: 'task is another word for type; give one',
  type: 'type is another word for task; give one',
  if: 'write when: with a condition',
  condition: 'write when: with a condition',
  loop: 'write for_each: with a list',
  with_items: 'write for_each: with a list',
  items: 'write for_each: with a list, or use type: batch',
  parallel: 'write max_parallel: with for_each',
  retries: 'write retry: 3x exponential(1s)',
  continue_on_error: 'write on_error: continue',
  ignore_errors: 'write on_error: continue',
  depends_on: 'steps run in the order of the file',
  needs: 'steps run in the order of the file',
  next: 'steps run in the order of the file',
  id: 'write name:',
  steps: 'write task: with one step, or use type: switch for several',
  result: 'write outputs: with a name',
  register: 'write outputs: with a name',
  poll: pollAdvice,
  until: pollAdvice,
  poll_until: pollAdvice,
  wait_until: pollAdvice,
  batch: sizeAdvice,
  batch_size: sizeAdvice,
  chunk_size: sizeAdvice,
  failed_items: 'it stands beside size: and steps:, not in a step',
  with: 'write inputs:, or the keys on the step itself',
  params: 'write inputs:, or the keys on the step itself',
};

function wordsFor(key: string, value: unknown): string | undefined {
  const known = Object.hasOwn(otherWords, key) ? otherWords[key] : undefined;
  if (known !== undefined) return known;
  if (value !== null) return undefined;
  return 'it has no value; indent what belongs to it further, and put a text with a comma in quotes';
}
