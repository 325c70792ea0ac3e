import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arena } from '../faults/arena.ts';
import { failFirst, type Hit, type Mode, ok, status, tooManyRequests } from '../support/target.ts';

/** Numbers from 0 to below 1 that are the same for the same seed. Source: mulberry32 of Tommy Ettinger, public domain. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const flowName = 'shelf';
/** Calls of one record in one wave, the first one included. */
export const callsAWave = 2;

/** Kinds of trouble; each meets a few things at every call, or at their first ones. */
const troubles: Readonly<Record<string, (hit: Hit) => Mode>> = {
  refused: () => status(422, { message: 'is not wanted' }),
  broken: () => status(500),
  broken_once: failFirst(1, status(503)),
  half: () => ({ kind: 'half' }),
  half_once: failFirst(1, { kind: 'half' }),
  half_then_broken: ({ attempt }) => (attempt === 1 ? { kind: 'half' } : status(500)),
  lost: () => ({ kind: 'reset_after_work' }),
  lost_then_refused: ({ attempt }) => (attempt === 1 ? { kind: 'reset_after_work' } : status(409)),
  reset: () => ({ kind: 'reset' }),
  throttled: failFirst(1, tooManyRequests(0)),
  hang_once: failFirst(1, { kind: 'hang' }),
};
const natures = Object.keys(troubles);

const flow = `flow: ${flowName}
version: 1
target: { connector: crm, endpoint: /things, timeout: 400ms }
mapping: { id: source.id, name: source.name | required }
result: { id: response.id }
undo: { endpoint: "/things/{{ result.id }}" }
on_error: { retry: 1x fixed(30ms), then: log }
batch: { id_field: id }
`;

/** The id of the thing that a call is about. */
export const thingOf = ({ method, path, id }: Hit): string =>
  method === 'DELETE' ? (path.split('/').at(-1) ?? '') : (id ?? '');

/** What the target saw of one thing by one method. */
export interface Seen {
  readonly calls: number;
  /** How often it was done. */
  readonly effects: number;
  /** How often that was answered, to somebody who was still there. */
  readonly answered: number;
  readonly keys: number;
}

/** A flow, and a target on whose shelves it puts things and takes them off again. */
export class RandomWorld {
  /** Only what is refused is still in trouble. */
  isMended = false;
  private readonly natureOf = new Map<string, string | undefined>();
  private readonly answeredWhole = new WeakSet<Hit>();

  constructor(
    private readonly arena: Arena,
    private readonly random: () => number,
  ) {
    writeFileSync(join(arena.home, 'flows', `${flowName}.yaml`), flow);
    arena.answer = (hit) => this.answer(hit);
  }

  private answer(hit: Hit): Mode {
    const nature = this.natureFor(`${hit.method} ${thingOf(hit)}`) ?? '';
    const isWell = this.isMended && nature !== 'refused';
    const mode = isWell ? ok : (troubles[nature]?.(hit) ?? ok);
    if (mode === ok) this.answeredWhole.add(hit);
    return { ...mode, delayMs: Math.floor(this.random() * 30) };
  }

  private natureFor(call: string): string | undefined {
    if (!this.natureOf.has(call))
      this.natureOf.set(
        call,
        this.random() < 0.7 ? undefined : natures[Math.floor(this.random() * natures.length)],
      );
    return this.natureOf.get(call);
  }

  seen(): (method: string, thing: string) => Seen {
    const { target } = this.arena;
    const hits = new Map<string, Hit[]>();
    for (const hit of target.hits) {
      const call = `${hit.method} ${thingOf(hit)}`;
      hits.set(call, [...(hits.get(call) ?? []), hit]);
    }
    return (method, thing) => {
      const calls = hits.get(`${method} ${thing}`) ?? [];
      const keys = new Set(calls.map(({ key }) => key));
      return {
        calls: calls.length,
        effects: [...keys].reduce((sum, key) => sum + (target.effects.get(key) ?? 0), 0),
        answered: calls.filter((hit) => hit.status === 200 && this.answeredWhole.has(hit)).length,
        keys: keys.size,
      };
    };
  }
}
