import { type AnswerCheck, type AnswerConditions, loneRetry } from '../answer-check.ts';
import type { PathRead } from '../compile-pipe.ts';
import type { StepSite } from './step-kind.ts';

/** What a step asks of the answer to its call. */
export function answerCheckOf(given: AnswerConditions, site: StepSite): AnswerCheck | undefined {
  const lone = loneRetry(given);
  if (lone !== undefined) site.problem(['retry_when'], lone.message, lone.suggestion);
  const inside = site.withNames(['response']);
  const conditionAt = (key: 'success_when' | 'retry_when') => {
    const compiled = inside.condition(key);
    const strange = compiled?.reads.map(fieldOfBody).find((field) => field !== undefined);
    if (strange !== undefined) {
      site.problem([key], `names response.${strange}, which is not there`, `write response.body.${strange}`);
    }
    return compiled;
  };
  const success = conditionAt('success_when');
  const retry = conditionAt('retry_when');
  return success && { success, retry };
}

/** In a step the body's fields are below `body` alone. */
function fieldOfBody({ root, path: [field] }: PathRead): string | undefined {
  const isKnown = field === undefined || ['status', 'headers', 'body'].includes(String(field));
  return root !== 'response' || isKnown ? undefined : String(field);
}
