import { z } from 'zod';
import { foreignText } from '../../connectors/foreign-text.ts';
import { RecordFailure } from '../../domain/failure.ts';
import { asWritten } from '../template.ts';
import { stepKind } from './step-kind.ts';

export const fail = stepKind({
  name: 'fail',
  doc: 'Fails the record, usually under a `when`. `retry: true` makes it a transient failure, which is tried again.',
  example: `type: fail
when: double(record.total) < 0.0
message: "The total is below zero: {{ record.total }}"
code: total_negative
`,
  settings: z.strictObject({
    message: z.string().optional().describe('Why, for the people who read the error.'),
    code: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,49}$/, 'must be a word in snake_case, such as total_negative')
      .optional()
      .describe('Groups failures; step_failed unless given.'),
    retry: z.boolean().optional().describe('Another attempt may help.'),
  }),
  compile({ message, code = 'step_failed', retry = false }, site) {
    const said = site.template('message');
    return {
      hasEffects: false,
      summary: 'fail',
      run({ scope, step }) {
        // What the author wrote is ours to say; what the record puts into it is not.
        const text = said === undefined || said.fixed ? undefined : foreignText(asWritten(said.value(scope)));
        throw new RecordFailure({
          class: retry ? 'transient' : 'data',
          code,
          message:
            said?.fixed === true && message !== undefined ? message : `the flow failed the record (${code})`,
          step,
          ...(text === undefined ? {} : { untrustedMessage: text }),
        });
      },
    };
  },
});
