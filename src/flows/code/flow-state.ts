import type { JsonValue } from '../../domain/json.ts';
import { SluiceError } from '../../domain/sluice-error.ts';
import type { StateStore } from '../state.ts';
import type { FlowState } from './flow-context.ts';
import { jsonOf } from './json-result.ts';

/** What flows see of a state store, which is opened when it is used. */
export function flowState(open: () => StateStore): FlowState {
  return {
    async get(key: string, otherwise?: unknown) {
      const value = await open().get(checkedKey(key));
      return value === undefined ? otherwise : value;
    },
    async set(key, value) {
      const kept: JsonValue = jsonOf(value, `the value of the state ${checkedKey(key)}`);
      await open().set(key, kept);
    },
    async incr(key, by = 1) {
      if (!Number.isFinite(by)) throw new SluiceError('flow_invalid', 'state.incr takes a finite number');
      return open().incr(checkedKey(key), by);
    },
  };
}

function checkedKey(key: unknown): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= 200) return key;
  throw new SluiceError('flow_invalid', 'the key of a state is a text of 1 to 200 characters');
}
