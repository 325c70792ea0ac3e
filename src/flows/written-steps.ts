import { meantBy } from '../connectors/did-you-mean.ts';
import type { NodePath, Spot } from '../connectors/yaml-file.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { stepKindsByName } from './steps/catalogue.ts';

/** A step as its file writes it. */
export interface WrittenStep {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly path: NodePath;
  /** Where its name stands. */
  readonly spot: Spot;
}

export type Report = (spot: Spot, message: string, suggestion?: string) => void;

/** Reads a list of steps, a map of them in order, or one step alone. */
export function writtenSteps(block: unknown, path: NodePath, report: Report): WrittenStep[] {
  if (Array.isArray(block)) {
    if (block.length === 0) report({ path }, 'there are no steps');
    return block.flatMap((step: unknown, at) => listed(step, [...path, at], at, report));
  }
  if (!isJsonObject(block)) {
    const name = path.findLast((key) => typeof key === 'string') ?? 'steps';
    const words = block === null ? 'is empty' : 'must be a list or a map of steps';
    report({ path }, `${name} ${words}`, adviceOn(block));
    return [];
  }
  if (isOneStep(block)) return listed(block, path, 0, report);
  const entries = Object.entries(block);
  if (entries.length === 0) report({ path }, 'there are no steps');
  return entries.flatMap(([name, step], at) => keyed(name, step, [...path, name], at, report));
}

/** A slip in the word `type` is one, too. */
function isOneStep(block: JsonObject): boolean {
  if (typeof block.type === 'string' || typeof block.task === 'string') return true;
  return Object.entries(block).some(
    ([key, value]) =>
      typeof value === 'string' && stepKindsByName.has(value) && nearest(key, ['type', 'task']) !== undefined,
  );
}

/** `step_1`, `step_2`, …: for a step without a name of its own. */
const standIn = (at: number) => `step_${at + 1}`;

function listed(step: unknown, path: NodePath, at: number, report: Report): WrittenStep[] {
  if (!isJsonObject(step)) return noStep(step, path, report);
  const { name = standIn(at) } = step;
  const spot = { path: [...path, 'name'] };
  if (typeof name === 'string' && namePattern.test(name)) {
    return [{ name, settings: step, path, spot: step.name === undefined ? { path } : spot }];
  }
  report(spot, ...nameProblem);
  return [{ name: standIn(at), settings: step, path, spot }];
}

function keyed(key: string, step: unknown, path: NodePath, at: number, report: Report): WrittenStep[] {
  if (!isJsonObject(step)) return noStep(step, path, report);
  const spot = { path, key: true };
  if (step.name !== undefined && step.name !== key) {
    report({ path: [...path, 'name'] }, `the key of the step names it "${key}" already`, 'remove name');
  }
  if (namePattern.test(key)) return [{ name: key, settings: step, path, spot }];
  report(spot, ...nameProblem);
  return [{ name: standIn(at), settings: step, path, spot }];
}

const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const nameProblem = [
  'the name of a step has letters, digits, - and _, and begins with a letter',
  'write one such as find_customer',
] as const;

function noStep(step: unknown, path: NodePath, report: Report): WrittenStep[] {
  if (step === null) {
    report({ path, key: true }, 'the step is empty', 'write its keys below it, indented further');
  } else {
    report({ path }, 'a step must be a map with a type', adviceOn(step));
  }
  return [];
}

/** What somebody probably meant who wrote a text for a step. */
function adviceOn(written: unknown): string {
  if (typeof written === 'string') {
    const [, key, value] = /^(type|task)\s*[:=]\s*(\S{1,50})$/.exec(written) ?? [];
    if (key !== undefined) return `write ${key}: ${value}, with a space after the colon`;
    const kind = meantBy(written, [...stepKindsByName.keys()]);
    if (kind?.[0] === written[0]) return `write - type: ${kind}`;
  }
  return 'write - type: http_request, or another kind';
}
