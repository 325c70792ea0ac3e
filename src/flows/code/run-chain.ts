import { RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { worstFailure } from '../worst-failure.ts';
import type { Chain, ChoiceNode, Node, ParallelNode, StepNode } from './chain.ts';
import type { Frame } from './frame.ts';
import { jsonOf } from './json-result.ts';
import { runRounds } from './run-rounds.ts';
import { thrownBy } from './step-failure.ts';
import { callUser } from './user-call.ts';

/**
 * Runs what was built, one node after the other; the result is what the last step came to.
 *
 * @throws RecordFailure, or the signal's reason
 */
export async function runChain(chain: Chain, frame: Frame): Promise<JsonValue> {
  frame.steps.knows(chain.names);
  let begun = 0;
  try {
    for (const node of chain.nodes) {
      begun += 1;
      await runNode(node, frame);
    }
    return frame.last;
  } catch (error) {
    const handler = chain.handlers.find(({ after }) => after >= begun);
    const { signal } = frame.run.context;
    if (handler === undefined || signal.aborted || !(error instanceof RecordFailure)) throw error;
    const place = { path: frame.pathOf('onError'), subject: 'onError' };
    const result = await callUser(frame, place, handler.run, { error: thrownBy(error) });
    return jsonOf(result, 'the result of onError');
  }
}

async function runNode(node: Node, frame: Frame): Promise<void> {
  switch (node.kind) {
    case 'choice':
      return runChoice(node, frame);
    case 'loop':
      return runRounds(node, frame, runChain);
    default:
      return runOnce(node, frame);
  }
}

/** A step whose result an earlier attempt may have left. */
async function runOnce(node: StepNode | ParallelNode, frame: Frame): Promise<void> {
  const {
    kept,
    run: { keeps },
  } = frame;
  const path = frame.pathOf(node.name);
  const known = kept.find(path);
  const result = known === undefined ? await resultOf(node, path, frame) : known.value;
  if (node.kind === 'action') frame.done.set(path, null);
  else frame.finish(node.name, result);
  if (known === undefined && (node.checkpoint ?? keeps)) await kept.keep(path, result);
}

async function resultOf(node: StepNode | ParallelNode, path: string, frame: Frame): Promise<JsonValue> {
  if (node.kind === 'parallel') return runParts(node, path, frame);
  const { name, timeoutMs } = node;
  const result = await callUser(frame, { path, subject: `${node.kind} ${name}`, timeoutMs }, node.run);
  return node.kind === 'action' ? null : jsonOf(result, `the result of the step ${name}`);
}

async function runParts(node: ParallelNode, path: string, frame: Frame): Promise<JsonValue> {
  const { name, parts, isList, timeoutMs } = node;
  const ended = await Promise.allSettled(
    parts.map(async ([key, run]): Promise<[string, JsonValue]> => {
      const place = { path: `${path}[${key}]`, subject: `step ${name}`, timeoutMs };
      return [key, jsonOf(await callUser(frame, place, run), `the result of the step ${name}`)];
    }),
  );
  // All have ended before anything is tried again, so that no two attempts run at once.
  const broken = ended.filter((part) => part.status === 'rejected').map(({ reason }): unknown => reason);
  if (broken.length > 0) throw worstOf(broken);
  const results = ended.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  return isList ? results.map(([, result]) => result) : Object.fromEntries(results);
}

/** What is no failure of the record comes first. */
function worstOf(reasons: readonly unknown[]): unknown {
  const failures = reasons.filter((reason) => reason instanceof RecordFailure);
  return reasons.find((reason) => !(reason instanceof RecordFailure)) ?? worstFailure(failures);
}

async function runChoice(choice: ChoiceNode, frame: Frame): Promise<void> {
  const {
    kept,
    run: { keeps },
  } = frame;
  const path = `${frame.pathOf(choice.name)}?`;
  const known = kept.find(path);
  const taken = known === undefined ? await branchOf(choice, frame) : known.value;
  frame.done.set(path, taken);
  if (known === undefined && keeps) await kept.keep(path, taken);
  const branch = typeof taken === 'number' ? choice.branches[taken] : undefined;
  for (const node of branch?.nodes ?? []) await runNode(node, frame);
}

/** The position of the branch to take, or -1. */
async function branchOf({ branches }: ChoiceNode, frame: Frame): Promise<number> {
  for (const [position, { name, holds }] of branches.entries()) {
    if (holds === undefined) return position;
    const place = { path: `${frame.pathOf(name)}?`, subject: `condition ${name}` };
    if (await callUser(frame, place, holds)) return position;
  }
  return -1;
}
