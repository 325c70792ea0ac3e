import { z } from 'zod';
import { isJsonObject } from '../../domain/json.ts';
import { type StepSite, stepKind } from './step-kind.ts';

export const transform = stepKind({
  name: 'transform',
  doc: 'Makes a new object out of what is in sight, in the language of mapping flows. The result is the object. A path begins with `record`, `item`, `steps.NAME.result` or another name in sight.',
  example: `type: transform
mapping:
  name: record.name | trim | required
  total: record.total | number | round(2)
`,
  settings: z.strictObject({
    mapping: z
      .record(z.string(), z.unknown())
      .describe('Field of the result: where its value comes from, then transforms.'),
    keep: z.boolean().optional().describe('Begin with all the fields of the record (or item).'),
  }),
  compile({ keep = false }, site) {
    const mapping = site.mapping('mapping');
    if (keep && !site.hasItem) site.problem(['keep'], 'has no record to begin with here', withoutItem(site));
    return {
      hasEffects: false,
      summary: 'transform',
      run({ scope }) {
        const made = mapping?.apply(scope) ?? {};
        return keep && isJsonObject(scope.item) && isJsonObject(made) ? { ...scope.item, ...made } : made;
      },
    };
  },
});

const withoutItem = ({ atEnd }: StepSite) =>
  atEnd
    ? 'finally has none: remove keep'
    : 'the flow takes several at once: go over them with for_each: "{{ items }}"';
