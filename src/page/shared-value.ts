import { useEffect, useState } from 'preact/hooks';

/** A value that parts of the page share: who uses it is drawn anew when it changes. */
export interface SharedValue<Value> {
  readonly get: () => Value;
  readonly set: (value: Value) => void;
  /** Returns what ends the listening. */
  readonly listen: (listener: () => void) => () => void;
}

export function sharedValue<Value>(first: Value): SharedValue<Value> {
  const listeners = new Set<() => void>();
  let present = first;
  return {
    get: () => present,
    set(value) {
      if (Object.is(value, present)) return;
      present = value;
      for (const listener of [...listeners]) listener();
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useShared<Value>(shared: SharedValue<Value>): Value {
  const [value, setValue] = useState(shared.get);
  useEffect(() => {
    const look = () => setValue(() => shared.get());
    look();
    return shared.listen(look);
  }, [shared]);
  return value;
}
