import { isJsonObject } from '../domain/json.ts';
import { type AnswerCheck, loneRetry } from './answer-check.ts';
import type { CallPlace } from './call-target.ts';
import { type Condition, compileCondition } from './condition.ts';
import { withResponse } from './kept-answer.ts';
import type { MappingProblem } from './mapping.ts';

/** Compiles what a block that describes a call asks of the answer. */
export function compileAnswerCheck(
  block: unknown,
  { key: place, names }: CallPlace,
): { check: AnswerCheck | undefined; problems: readonly MappingProblem[] } {
  if (!isJsonObject(block)) return { check: undefined, problems: [] };
  const problems: MappingProblem[] = [];
  const compile = (key: 'success_when' | 'retry_when'): Condition | undefined => {
    const text = block[key];
    if (typeof text !== 'string') return undefined;
    const compiled = compileCondition(text, key, withResponse(names), 'decision');
    if ('condition' in compiled) return compiled.condition;
    problems.push(...compiled.problems.map((problem) => ({ ...problem, path: [place, key] })));
    return undefined;
  };
  const lone = loneRetry(block);
  if (lone !== undefined) problems.push({ path: [place, 'retry_when'], key: true, at: 0, ...lone });
  const success = compile('success_when');
  const retry = compile('retry_when');
  return { check: success && { success, retry }, problems };
}
