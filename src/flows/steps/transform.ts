import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
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
    keep: z
      .boolean()
      .optional()
      .describe(
        'Begin with all the fields of the record (or item); a dotted key changes one field of a map in it.',
      ),
  }),
  compile({ keep = false, mapping: written }, site) {
    const mapping = site.mapping('mapping');
    const branches = branchesOf(Object.keys(written));
    if (keep && !site.hasItem) site.problem(['keep'], 'has no record to begin with here', withoutItem(site));
    return {
      hasEffects: false,
      summary: 'transform',
      run({ scope }) {
        const made = mapping?.apply(scope) ?? {};
        const { item } = scope;
        return keep && isJsonObject(item) && isJsonObject(made) ? merged(item, made, branches) : made;
      },
    };
  },
});

/** The maps that dotted keys reach into. */
interface Branches extends Map<string, Branches> {}

function branchesOf(keys: readonly string[]): Branches {
  const all: Branches = new Map();
  for (const key of keys) {
    let branch = all;
    for (const name of key.split('.').slice(0, -1)) {
      const inner: Branches = branch.get(name) ?? new Map();
      branch.set(name, inner);
      branch = inner;
    }
  }
  return all;
}

/** What was made takes the place of what was there, but of a map that a dotted key reaches into only that part. */
function merged(kept: JsonObject, made: JsonObject, branches: Branches): JsonObject {
  const inner = [...branches].flatMap(([key, below]) => {
    const [before, after] = [kept[key], made[key]];
    return isJsonObject(before) && isJsonObject(after) ? [[key, merged(before, after, below)] as const] : [];
  });
  return { ...kept, ...made, ...Object.fromEntries(inner) };
}

const withoutItem = ({ atEnd }: StepSite) =>
  atEnd
    ? 'finally has none: remove keep'
    : 'the flow takes several at once: go over them with for_each: "{{ items }}"';
