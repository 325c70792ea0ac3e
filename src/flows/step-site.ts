import { didYouMean } from '../connectors/did-you-mean.ts';
import type { Spot } from '../connectors/yaml-file.ts';
import type { JsonValue } from '../domain/json.ts';
import type { PathRead } from './compile-pipe.ts';
import { type ConditionUse, compileCondition } from './condition.ts';
import { loopItems } from './loop-items.ts';
import { compileMapping } from './mapping.ts';
import { type Names, withNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import type { StepList } from './step-frame.ts';
import type { InnerSite, SettingPath, StepSite } from './steps/step-kind.ts';
import { compileTemplate } from './template.ts';
import { compileValue } from './template-value.ts';

/** What a site works with. */
export interface SiteSettings {
  readonly settings: unknown;
  /** Keys that are known to be wrong; what else would be said about them follows from that. */
  readonly doubtful: ReadonlySet<string>;
  readonly lookups: Lookups;
  readonly names: Names;
  readonly literalItems: readonly JsonValue[] | undefined;
  readonly takesChunks: boolean;
  readonly atEnd: boolean;
  /** Paths that the texts read are added here. */
  readonly reads: PathRead[];
  readonly report: (spot: Spot, message: string, suggestion?: string) => void;
  readonly steps: (block: unknown, path: SettingPath, inner: InnerSite) => StepList;
}

/** The place of one step's settings in a file. */
export function createSite(how: SiteSettings): StepSite {
  const { settings, lookups, names, report, reads } = how;
  const pipes = { lookups, names, strict: true };
  const reportAt = (path: SettingPath, { at, message, suggestion }: PipeProblem, key = false) =>
    report(key ? { path, key } : { path, offset: at }, `${nameOf(path)}: ${message}`, suggestion);
  const isDoubtful = ([first]: SettingPath) =>
    how.doubtful.size > 0 &&
    (first === undefined || how.doubtful.has(String(first)) || settingAt(settings, [first]) === undefined);

  return {
    literalItems: how.literalItems,
    takesChunks: how.takesChunks,
    hasItem: names.roots.has('item'),
    atEnd: how.atEnd,
    withNames: (added) => createSite({ ...how, names: withNames(names, added) }),
    value(...path) {
      const written = settingAt(settings, path);
      if (written === undefined) return undefined;
      const compiled = compileValue(written, path, pipes);
      for (const problem of compiled.problems) reportAt(problem.path, problem, problem.key);
      reads.push(...compiled.reads);
      return compiled.value;
    },
    template(...path) {
      const text = settingAt(settings, path);
      if (typeof text !== 'string') return undefined;
      const compiled = compileTemplate(text, nameOf(path), pipes);
      if ('problems' in compiled) {
        for (const problem of compiled.problems) reportAt(path, problem);
        return undefined;
      }
      reads.push(...compiled.template.reads);
      return compiled.template;
    },
    mapping(...path) {
      const block = settingAt(settings, path);
      if (typeof block !== 'object' || block === null || Array.isArray(block)) return undefined;
      const compiled = compileMapping(block as Readonly<Record<string, unknown>>, { lookups, names });
      if ('problems' in compiled) {
        for (const problem of compiled.problems) reportAt([...path, ...problem.path], problem, problem.key);
        return undefined;
      }
      reads.push(...compiled.mapping.reads);
      return compiled.mapping;
    },
    condition(...path) {
      const text = settingAt(settings, path);
      if (typeof text !== 'string' && typeof text !== 'boolean') return undefined;
      const compiled = compileCondition(String(text), nameOf(path), names, useOf(path));
      if ('problems' in compiled) {
        for (const problem of compiled.problems) reportAt(path, problem);
        return undefined;
      }
      reads.push(...compiled.condition.reads);
      return compiled.condition;
    },
    steps(path, inner = {}) {
      const block = settingAt(settings, path);
      return block === undefined ? [] : how.steps(block, path, inner);
    },
    items(...path) {
      const found = loopItems(settingAt(settings, path), nameOf(path), pipes);
      for (const problem of found.problems) reportAt([...path, ...problem.path], problem, problem.key);
      reads.push(...found.reads);
      return found.items;
    },
    problem(path, message, suggestion) {
      if (isDoubtful(path)) return;
      report({ path }, path.length === 0 ? message : `${nameOf(path)} ${message}`, suggestion);
    },
    unknownKey: (path, known) =>
      report({ path, key: true }, `unknown key "${path.at(-1)}"`, didYouMean(String(path.at(-1)), known)),
    problemAt: (path, at, message, suggestion) =>
      reportAt(path, { at, message, ...(suggestion === undefined ? {} : { suggestion }) }),
  };
}

function settingAt(settings: unknown, path: SettingPath): unknown {
  let value = settings;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

const nameOf = (path: SettingPath) => path.join('.');

const decisions: readonly unknown[] = ['when', 'where', 'cases', 'success_when', 'retry_when'];

/** Conditions under these keys decide something; the others are values. */
const useOf = ([first]: SettingPath): ConditionUse => (decisions.includes(first) ? 'decision' : 'value');
