import { z } from 'zod';
import { meantBy } from '../../connectors/did-you-mean.ts';
import { RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { Condition } from '../condition.ts';
import { runSteps } from '../run-steps.ts';
import { innerScope, type StepFrame, type StepList } from '../step-frame.ts';
import { type StepSite, stepKind } from './step-kind.ts';

const steps = z.unknown().describe('A list or map of steps, or one step.').meta({ holds: 'steps' });

/** Its keys are checked one by one when it is compiled, so that what is wrong with one hides nothing else. */
const conditionCase = z.looseObject({
  when: z.union([z.string(), z.boolean()]).optional().describe('A CEL expression.'),
  steps: steps.optional(),
  step: steps.optional(),
});
const caseKeys = Object.keys(conditionCase.shape);

interface Branch {
  readonly matches: (frame: StepFrame) => boolean;
  readonly steps: StepList;
}

export const switchStep = stepKind({
  name: 'switch',
  doc: 'Runs the steps of the first case that fits: the first whose `when` holds, or the one named like the value of `on`. The result is that of the last step of the case; without a fitting case it is null, or the record fails when there is `otherwise: fail`.',
  example: `type: switch
on: record.country
cases:
  DE: { type: echo, message: "Guten Tag" }
  FR: { type: echo, message: "Bonjour" }
default: { type: echo, message: "Hello" }
`,
  settings: z.strictObject({
    on: z.string().optional().describe('A CEL expression whose value names the case.'),
    cases: z
      .union([z.array(conditionCase), z.record(z.string(), steps)], {
        error: 'must be a list of cases with when and steps, or with `on` a map of values and their steps',
      })
      .describe('A list of {when, steps}; with `on` a map from values to steps.'),
    default: steps.optional(),
    otherwise: z.enum(['nothing', 'fail']).optional().describe('When no case fits and there is no default.'),
  }),
  compile({ on, cases, otherwise = 'nothing', default: byDefault }, site) {
    const branches = Array.isArray(cases)
      ? byCondition(cases, on, site)
      : byValue(Object.keys(cases), on, site);
    const rest = byDefault === undefined ? undefined : site.steps(['default']);
    return {
      hasEffects: false,
      summary: 'switch',
      run({ frame, step }) {
        const at = branches.findIndex(({ matches }) => matches(frame));
        const chosen = branches[at]?.steps ?? rest;
        // Each case has paths of its own: another attempt may choose another one.
        const name = at < 0 ? 'default' : `case_${at + 1}`;
        if (chosen !== undefined) return runBranch(chosen, frame, `${step}.${name}.`);
        if (otherwise === 'nothing') return null;
        throw new RecordFailure({
          class: 'data',
          code: 'no_case',
          message: 'no case of the switch fits',
          step,
        });
      },
    };
  },
});

function byCondition(
  cases: readonly z.output<typeof conditionCase>[],
  on: string | undefined,
  site: StepSite,
): Branch[] {
  if (on !== undefined)
    site.problem(['cases'], 'is a list of conditions, which takes no `on`', 'write a map of values');
  if (cases.length === 0) site.problem(['cases'], 'has no case');
  return cases.flatMap((written, at): Branch[] => {
    checkCase(written, at, site);
    const condition = site.condition('cases', at, 'when');
    const inside = site.steps(['cases', at, written.steps === undefined ? 'step' : 'steps']);
    return [{ matches: ({ scope }) => condition?.holds(scope) === true, steps: inside }];
  });
}

function checkCase(written: z.output<typeof conditionCase>, at: number, site: StepSite): void {
  const strange = Object.keys(written).filter((key) => !caseKeys.includes(key));
  for (const key of strange) {
    if (key === 'default' || key === 'else') {
      site.problem(['cases', at], `has no key "${key}"`, 'write default: beside cases');
    } else site.unknownKey(['cases', at, key], caseKeys);
  }
  const isSlip = strange.some((key) => meantBy(key, caseKeys) !== undefined);
  const isOther = strange.includes('default') || strange.includes('else');
  if (isSlip || isOther) return;
  if (written.when === undefined) site.problem(['cases', at], 'needs when: with a condition');
  if ((written.steps === undefined) === (written.step === undefined)) {
    const advice = strange.includes('type') ? 'write the step below step:' : undefined;
    site.problem(['cases', at], 'needs steps, or one step', advice);
  }
}

function byValue(values: readonly string[], on: string | undefined, site: StepSite): Branch[] {
  if (values.length === 0) site.problem(['cases'], 'has no case');
  else if (on === undefined)
    site.problem(['cases'], 'is a map of values, which needs `on`', 'write on: record.field');
  const value: Condition | undefined = on === undefined ? undefined : site.condition('on');
  return values.map((wanted) => {
    const inside = site.steps(['cases', wanted]);
    return { matches: ({ scope }) => asName(value?.value(scope)) === wanted, steps: inside };
  });
}

function asName(value: JsonValue | undefined): string | undefined {
  return value === undefined || (typeof value === 'object' && value !== null) ? undefined : String(value);
}

function runBranch(chosen: StepList, frame: StepFrame, prefix: string): Promise<JsonValue> | JsonValue {
  return runSteps(chosen, { ...frame, scope: innerScope(frame.scope), prefix });
}
