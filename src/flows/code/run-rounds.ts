import { createHash } from 'node:crypto';
import { type Failure, RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { type LoopFailure, runLoop } from '../loop.ts';
import { worstFailure } from '../worst-failure.ts';
import type { Chain, LoopNode, Node } from './chain.ts';
import { ChainBuilder } from './chain-builder.ts';
import { Frame } from './frame.ts';
import { jsonCopy, NotJson } from './json-result.ts';
import { ownCopy } from './own-copy.ts';
import { groupedPath, ownFailure, thrownBy } from './step-failure.ts';
import { callUser } from './user-call.ts';
import { roundView } from './user-context.ts';

/** Up to here the results before a loop are kept, so that a retry goes on with the same list. */
const mostBytesBefore = 256 * 1024;

type RunChain = (chain: Chain, frame: Frame) => Promise<JsonValue>;

/**
 * Builds and runs the inner flow for each item, or each chunk of them. All get their turn, whatever becomes
 * of the others; those that succeed are kept, so that a retry runs only the rest.
 *
 * @throws RecordFailure that counts the rounds that failed
 */
export async function runRounds(loop: LoopNode, frame: Frame, runChain: RunChain): Promise<void> {
  keepWhatCameBefore(frame);
  const rounds = roundsOf(loop, await listOf(loop, frame));
  const { results, failures } = await runLoop(
    rounds,
    { maxParallel: loop.concurrency, stopAtFailure: false, signal: frame.run.context.signal },
    (items, index) => runRound(loop, items, index, frame, runChain),
  );
  await frame.kept.save();
  if (failures.length > 0) throw loopFailure(loop, frame, failures, rounds.length);
  frame.finish(
    loop.name,
    results.map((result) => result ?? null),
  );
}

/** A list that is made anew may be another one, and state that steps set at the beginning would be set again. */
function keepWhatCameBefore({ kept, done }: Frame): void {
  const open = [...done].filter(([path]) => kept.find(path) === undefined);
  const bytes = open.reduce((sum, [, result]) => sum + JSON.stringify(result).length, kept.bytes);
  if (bytes <= mostBytesBefore) for (const [path, result] of open) kept.put(path, result);
}

async function listOf({ name, items }: LoopNode, frame: Frame): Promise<readonly unknown[]> {
  const path = frame.pathOf(name);
  const list = await callUser(frame, { path, subject: `items of ${name}` }, items);
  if (Array.isArray(list)) return list as readonly unknown[];
  throw ownFailure('list_expected', `items of ${name} did not give a list`, path);
}

function roundsOf({ size }: LoopNode, list: readonly unknown[]): readonly (readonly unknown[])[] {
  if (size === undefined) return list.map((item) => [item]);
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, index) => list.slice(index * size, (index + 1) * size));
}

async function runRound(
  loop: LoopNode,
  items: readonly unknown[],
  index: number,
  frame: Frame,
  runChain: RunChain,
): Promise<JsonValue> {
  const path = `${frame.pathOf(loop.name)}[${index}]`;
  const digest = digestOf(items);
  const kept = digest === undefined ? frame.kept.apart() : frame.kept;
  const known = keptResult(kept.find(path)?.value, digest);
  if (known !== undefined) return known;

  const inner = new Frame(frame.run, kept, `${path}.`, frame);
  const chain = await buildRound(loop, items, path, inner);
  // Stands beside what the round has kept so far, and says what items it was about.
  const marker = `${path}#`;
  const before = kept.find(marker);
  if (before !== undefined && before.value !== digest) kept.forget(path);
  const keepsInside = frame.run.keeps || chain.nodes.some(isKept);
  if (keepsInside && digest !== undefined) kept.put(marker, digest);
  const result = await runChain(chain, inner);

  if (digest === undefined) return result;
  if (keepsInside) kept.forget(path);
  if (kept.put(path, [digest, result])) await kept.save(true);
  return result;
}

/** The result of an earlier attempt, if it was about the same items. */
function keptResult(value: JsonValue | undefined, digest: string | undefined): JsonValue | undefined {
  if (!Array.isArray(value) || digest === undefined) return undefined;
  const [about, result] = value as readonly JsonValue[];
  return about === digest ? result : undefined;
}

/** True for a node that keeps something while its round is still under way. */
function isKept(node: Node): boolean {
  if (node.kind === 'loop') return true;
  if (node.kind === 'choice') return node.branches.some(({ nodes }) => nodes.some(isKept));
  return node.checkpoint === true;
}

/** Lets the callback of the loop build the flow of one round. */
async function buildRound(
  { name, size, each }: LoopNode,
  items: readonly unknown[],
  path: string,
  inner: Frame,
): Promise<Chain> {
  const builder = Object.defineProperties(new ChainBuilder(), roundView(inner));
  const own = ownCopy(items);
  const given = size === undefined ? own[0] : own;
  return (await callUser(inner, { path, subject: `the callback of ${name}` }, async () => {
    await each(given, builder);
    return builder.finish();
  })) as Chain;
}

/** Items that are no JSON have none: nobody could tell whether they are the same. */
function digestOf(items: readonly unknown[]): string | undefined {
  try {
    const text = JSON.stringify(jsonCopy(items));
    return createHash('sha256').update(text).digest('base64url').slice(0, 12);
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

/** Worth a retry only when every part of it is. */
function loopFailure(
  { name, size }: LoopNode,
  frame: Frame,
  failures: readonly LoopFailure[],
  rounds: number,
): RecordFailure {
  const worst = worstFailure(failures.map(({ error }) => error)) ?? ownFailure('loop_failed', '', name);
  const { failure } = worst;
  const said = failure.untrustedMessage;
  const whole: Failure = {
    class: failure.class,
    code: size === undefined ? 'items_failed' : 'batches_failed',
    message: `${failures.length} of ${rounds} ${size === undefined ? 'items' : 'batches'} failed: ${failure.message}`,
    step: groupedPath(frame.pathOf(name)),
    ...(said === undefined ? {} : { untrustedMessage: said }),
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    ...(failure.maybeApplied === true ? { maybeApplied: true } : {}),
  };
  const broken = new RecordFailure(whole);
  broken.cause = thrownBy(worst);
  return broken;
}
