import { z } from 'zod';
import { stepKind } from './step-kind.ts';

export const echo = stepKind({
  name: 'echo',
  doc: 'Gives back what it is given, and calls nothing. The result is the value of `message`; without one it is the record.',
  example: `type: echo
message: "Hello {{ record.name }}"
`,
  settings: z.strictObject({
    message: z.unknown().optional().describe('A text, or any value with {{ places }} in it.'),
  }),
  compile(_, site) {
    const message = site.value('message');
    return {
      hasEffects: false,
      summary: 'echo',
      run: ({ scope }) => (message === undefined ? (scope.item ?? scope.items ?? null) : message(scope)),
    };
  },
});
