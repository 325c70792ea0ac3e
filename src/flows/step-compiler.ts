import { didYouMean } from '../connectors/did-you-mean.ts';
import { type FileProblem, maxFileProblems } from '../connectors/file-problem.ts';
import type { NodePath, Spot, YamlFile } from '../connectors/yaml-file.ts';
import type { JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import type { PathRead } from './compile-pipe.ts';
import type { ConnectorUse } from './flow.ts';
import { variableProblem } from './name-advice.ts';
import { isResultName, type Names, withNames, withoutNames, withStep } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import { Requests } from './requests.ts';
import { type CommonSettings, commonSchema } from './step-file.ts';
import type { CompiledStep, StepList } from './step-frame.ts';
import { pollAdvice, stepKeys } from './step-keys.ts';
import { type CheckedSettings, checkSettings } from './step-shape.ts';
import { createSite } from './step-site.ts';
import { stepKinds, stepKindsByName } from './steps/catalogue.ts';
import type { InnerSite, StepBody, StepKind, StepSite } from './steps/step-kind.ts';
import { type WrittenStep, writtenSteps } from './written-steps.ts';

/** In one file, those inside others included. */
const maxSteps = 1_000;
/** Kinds of other tools that wait for something. */
const pollingWords: readonly string[] = ['poll', 'polling', 'wait', 'wait_for', 'sleep', 'delay', 'until'];

/** Where steps stand in a file, and what they see there. */
export interface StepPlace {
  readonly path: NodePath;
  readonly names: Names;
  readonly literalItems: readonly JsonValue[] | undefined;
  readonly takesChunks: boolean;
  /** Steps here are kept unless they say otherwise. */
  readonly checkpoint: boolean;
  /** They belong to `finally`. */
  readonly atEnd?: boolean;
}

/** Compiles the steps of one file, and collects everything that is to be known about them. */
export class StepCompiler {
  readonly problems: FileProblem[] = [];
  readonly reads: PathRead[] = [];
  readonly connectors = new Map<string, ConnectorUse>();
  readonly requests = new Requests();
  readonly codeSteps = new Set<string>();
  readonly approval = new Set<string>();
  readonly variables = new Set<string>();
  /** Variables that a step can do without. */
  readonly mayMiss = new Set<string>();
  readonly summaries: string[] = [];
  hasEffects = false;
  /** Steps inside others, for advice. */
  readonly #inside = new Map<string, string>();
  #count = 0;
  readonly #yaml: YamlFile;
  readonly #lookups: Lookups;

  constructor(yaml: YamlFile, lookups: Lookups) {
    this.#yaml = yaml;
    this.#lookups = lookups;
  }

  /** A list of steps, a map of them in order, or one step alone. Later steps see the earlier ones. */
  steps(block: unknown, place: StepPlace, around?: string): StepList {
    const written = writtenSteps(block, place.path, (...problem) => this.#report(...problem));
    this.#count += written.length;
    if (this.#count > maxSteps) {
      const message = `the file has more than ${maxSteps} steps`;
      if (!this.problems.some((problem) => problem.message === message))
        this.#report({ path: place.path }, message);
      return [];
    }
    this.#checkNames(written);
    const ahead = new Set([...(place.names.ahead ?? []), ...written.map(({ name }) => name)]);
    const compiled: CompiledStep[] = [];
    let names: Names = { ...place.names, ahead, inside: this.#inside };
    for (const each of written) {
      if (this.problems.length >= maxFileProblems) break;
      const step = this.#step(each, { ...place, names });
      const { outputs } = each.settings;
      names = withStep(names, each.name, isResultName(outputs) ? outputs : undefined);
      ahead.delete(each.name);
      if (around !== undefined) this.#inside.set(each.name, around);
      if (step !== undefined) compiled.push(step);
    }
    return compiled;
  }

  #checkNames(written: readonly WrittenStep[]): void {
    const seen = new Set<string>();
    for (const { name, spot } of written) {
      if (seen.has(name)) this.#report(spot, `there are two steps named "${name}"`, 'give one another name');
      seen.add(name);
    }
  }

  #step(written: WrittenStep, place: StepPlace): CompiledStep | undefined {
    const { name, settings, path } = written;
    const kind = this.#kindOf(settings, path);
    const keys = stepKeys(written, kind, (...problem) => this.#report(...problem));
    const common = checkSettings<CommonSettings>(this.#yaml, commonSchema, keys.common, keys.place);
    this.problems.push(...common.problems);
    const frame = this.#common(common, keys.place, place, name);
    if (kind === undefined) return undefined;

    const own = checkSettings<unknown>(this.#yaml, kind.settings, keys.own, keys.place);
    this.problems.push(...own.problems);
    if (own.data === undefined) return undefined;
    const inner = insideLoop(place, common.data, frame.loop?.items.literal);
    const site = this.#site(own, keys.place, { ...inner, checkpoint: frame.checkpoint }, name);
    const body = kind.compile(own.data, site);
    for (const variable of body.variables ?? []) {
      const wrong = variableProblem(variable);
      if (wrong !== undefined) this.#report({ path }, wrong.message, wrong.suggestion);
    }
    this.#note(body);
    return { ...frame, name, kind: kind.name, body };
  }

  #kindOf(settings: Readonly<Record<string, unknown>>, path: NodePath): StepKind | undefined {
    const { type, task } = settings;
    const key = typeof type === 'string' || typeof task !== 'string' ? 'type' : 'task';
    const word = settings[key];
    const kind = typeof word === 'string' ? stepKindsByName.get(word) : undefined;
    if (kind !== undefined) return kind;
    const names = stepKinds.map(({ name }) => name);
    if (typeof word !== 'string') {
      const spot = Object.hasOwn(settings, key) ? { path: [...path, key] } : { path };
      const words = Object.hasOwn(settings, key) ? `${key} must name a kind of step` : 'the step has no type';
      this.#report(spot, words, typeAdvice(settings, names));
      return undefined;
    }
    const suggestion = pollingWords.includes(word) ? pollAdvice : didYouMean(word, names);
    this.#report({ path: [...path, key] }, `there is no kind of step "${word}"`, suggestion);
    return undefined;
  }

  #common(
    { data, written, doubtful }: CheckedSettings<CommonSettings | undefined>,
    at: (path: NodePath) => NodePath,
    place: StepPlace,
    name: string,
  ): Omit<CompiledStep, 'name' | 'kind' | 'body'> {
    const {
      on_error: onError = 'fail',
      for_each: forEach,
      max_parallel: maxParallel,
      when,
      ...others
    } = data ?? {};
    const isLoop = forEach !== undefined;
    const settings = { written, doubtful };
    const site = this.#site(settings, at, place, name);
    const beforeLoop =
      place.names.roots.get('item') === 'record' ? withoutNames(place.names, ['item']) : place.names;
    const deciding = isLoop ? this.#site(settings, at, { ...place, names: beforeLoop }, name) : site;
    if (!isLoop && maxParallel !== undefined) {
      site.problem(['max_parallel'], 'needs for_each', 'name the list it goes over');
    }
    return {
      output: others.outputs,
      when: when === undefined ? undefined : deciding.condition('when'),
      timeoutMs: others.timeout,
      retry: others.retry,
      onError: typeof onError === 'string' ? onError : onErrorSteps(onError, site, isLoop),
      loop: isLoop ? { items: site.items('for_each'), maxParallel: maxParallel ?? 1 } : undefined,
      checkpoint: others.checkpoint ?? place.checkpoint,
    };
  }

  #site(
    { written, doubtful }: Pick<CheckedSettings<unknown>, 'written' | 'doubtful'>,
    place: (path: NodePath) => NodePath,
    inside: StepPlace,
    step: string,
  ): StepSite {
    return createSite({
      settings: written,
      doubtful,
      lookups: this.#lookups,
      names: inside.names,
      literalItems: inside.literalItems,
      takesChunks: inside.takesChunks,
      atEnd: inside.atEnd === true,
      reads: this.reads,
      report: (spot, message, suggestion) =>
        this.#report({ ...spot, path: place(spot.path) }, message, suggestion),
      steps: (block, spot, inner: InnerSite) => {
        const names = withNames(inside.names, inner.names ?? []);
        return this.steps(
          block,
          {
            path: place(spot),
            names,
            literalItems: inner.literalItems,
            takesChunks: inner.chunks ?? inside.takesChunks,
            checkpoint: inside.checkpoint,
            atEnd: inside.atEnd === true,
          },
          step,
        );
      },
    });
  }

  #note(body: StepBody): void {
    this.hasEffects ||= body.hasEffects;
    for (const use of body.connectors ?? []) this.connectors.set(`${use.type} ${use.name}`, use);
    if (body.method !== undefined) this.requests.note(body.connectors?.[0]?.name, body.method);
    for (const kind of body.codeSteps ?? []) this.codeSteps.add(kind);
    for (const reason of body.approval ?? []) this.approval.add(reason);
    this.#noteVariables(body);
    this.summaries.push(body.summary);
  }

  /** A variable may miss when every step that names it can do without. */
  #noteVariables({ variables = [], mayMiss = [] }: StepBody): void {
    for (const name of variables) {
      const isNeeded = !mayMiss.includes(name) || (this.variables.has(name) && !this.mayMiss.has(name));
      if (isNeeded) this.mayMiss.delete(name);
      else this.mayMiss.add(name);
      this.variables.add(name);
    }
  }

  #report(spot: Spot, message: string, suggestion?: string): void {
    // Finding the place of each takes time, and more would help nobody.
    if (this.problems.length >= maxFileProblems) return;
    this.problems.push(this.#yaml.problem(spot, message, suggestion));
  }
}

function typeAdvice(settings: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  const close = Object.keys(settings).find(
    (key) => key !== 'type' && nearest(key, ['type', 'task']) !== undefined,
  );
  if (close !== undefined) return `did you mean "type" instead of "${close}"?`;
  const kind = Object.keys(settings).find((key) => stepKindsByName.has(key));
  return kind === undefined ? `write type: ${names.join(', ')}` : `write type: ${kind}, and its keys below`;
}

function onErrorSteps(written: object, site: StepSite, isLoop: boolean): CompiledStep['onError'] {
  if ('action' in written) return written.action as 'fail' | 'continue' | 'skip';
  return site.steps(['on_error'], { names: [...(isLoop ? ['item', 'index'] : []), 'error', 'failure'] });
}

/** Under `for_each` the settings see the item. */
function insideLoop(
  place: StepPlace,
  common: CommonSettings | undefined,
  literal: readonly JsonValue[] | undefined,
): StepPlace {
  if (common?.for_each === undefined) return place;
  return { ...place, names: withNames(place.names, ['item', 'index']), literalItems: literal };
}
