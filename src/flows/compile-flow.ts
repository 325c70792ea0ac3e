import { basename, extname } from 'node:path';
import { readYaml } from '../connectors/yaml-file.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { compileMappingFlow } from './compile-mapping-flow.ts';
import { compileStepFlow } from './compile-step-flow.ts';
import type { Flow } from './flow.ts';
import { type FlowProblem, revisionOf } from './flow-identity.ts';

/**
 * Compiles the text of a flow: one of steps when it has `steps`, else a mapping flow. Pure; never throws:
 * everything wrong with it comes back at once.
 */
export function compileFlow(text: string, file: string): { flow: Flow } | { problems: FlowProblem[] } {
  const read = readYaml(text, file);
  if ('problems' in read) return read;
  const { yaml } = read;
  const { value } = yaml;
  if (!isJsonObject(value)) {
    const advice = 'write flow: NAME, target: and mapping:, or steps:; sluice init makes an example';
    return { problems: [yaml.problem({ path: [] }, 'is not a flow', advice)] };
  }
  if (Object.hasOwn(value, 'fan_out')) {
    const advice = 'use steps, with for_each or a batch step';
    return { problems: [yaml.problem({ path: ['fan_out'], key: true }, 'fan_out is not available', advice)] };
  }
  const identity = { revision: revisionOf(text), text, fileName: nameFrom(file) };
  return isStepFlow(value)
    ? compileStepFlow(yaml, value, identity)
    : compileMappingFlow(yaml, value, identity);
}

/** A slip in the word `steps` makes no mapping flow. */
function isStepFlow(value: JsonObject): boolean {
  if (Object.hasOwn(value, 'steps')) return true;
  const isMapping = Object.hasOwn(value, 'target') || Object.hasOwn(value, 'mapping');
  return (
    !isMapping &&
    Object.keys(value)
      .slice(0, 100)
      .some((key) => nearest(key, ['steps']) !== undefined)
  );
}

const nameFrom = (file: string) => (/\.ya?ml$/i.test(file) ? basename(file, extname(file)) : basename(file));
