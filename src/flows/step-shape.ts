import type { z } from 'zod';
import type { FileProblem } from '../connectors/file-problem.ts';
import { checkShape } from '../connectors/file-shape.ts';
import type { NodePath, YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject } from '../domain/json.ts';

type Settings = Readonly<Record<string, unknown>>;

/** Settings that fit a schema, if need be without those that do not. */
export interface CheckedSettings<T> {
  readonly data: T;
  /** As they are written, without those that do not fit. */
  readonly written: Settings;
  /** Keys that were left out, or are missing: what else is said about them follows from that. */
  readonly doubtful: ReadonlySet<string>;
  readonly problems: readonly FileProblem[];
}

/**
 * Checks settings against a schema. What does not fit is reported and left out, and what is missing is taken as
 * empty, so that the rest can still be compiled: other mistakes show only then. `data` is undefined when even
 * that does not help.
 */
export function checkSettings<T>(
  yaml: YamlFile,
  schema: z.ZodType<T>,
  settings: Settings,
  place: (path: NodePath) => NodePath,
): CheckedSettings<T | undefined> {
  const part: YamlFile = {
    value: settings,
    problem: (spot, message, suggestion) =>
      yaml.problem({ ...spot, path: place(spot.path) }, message, suggestion),
  };
  const shape = checkShape(part, schema);
  if ('data' in shape) return { data: shape.data, written: settings, doubtful: new Set(), problems: [] };

  const issues = schema.safeParse(settings).error?.issues ?? [];
  const pruned = issues.reduce(withoutPart, settings);
  const whole = schema.safeParse(pruned).data;
  if (whole !== undefined)
    return { data: whole, written: pruned, doubtful: new Set(), problems: shape.problems };

  const doubtful = new Set(issues.map(({ path: [key] }) => String(key ?? '')));
  const fitting = Object.entries(settings).filter(([key]) => !doubtful.has(key));
  const data = standIns
    .map((standIn) => [
      ...fitting,
      ...(standIn === undefined ? [] : [...doubtful].map((key) => [key, standIn])),
    ])
    .map((entries) => schema.safeParse(Object.fromEntries(entries)).data)
    .find((found) => found !== undefined);
  return { data, written: Object.fromEntries(fitting), doubtful, problems: shape.problems };
}

/** Leaves out what an issue is about when it lies inside a map, such as one of several headers. */
function withoutPart(settings: Settings, issue: z.core.$ZodIssue): Settings {
  const keys = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path.at(-1) ?? '')];
  const [first, ...rest] = issue.code === 'unrecognized_keys' ? issue.path : issue.path.slice(0, -1);
  if (first === undefined) return settings;
  const block = settings[String(first)];
  if (!isJsonObject(block)) return settings;
  const inner: Settings =
    rest.length === 0
      ? Object.fromEntries(Object.entries(block).filter(([key]) => !keys.includes(key)))
      : withoutPart(block, { ...issue, path: issue.path.slice(1) });
  return { ...settings, [first]: inner };
}

/** For settings that a kind of step cannot do without. */
const standIns = [undefined, {}, 'x'];
