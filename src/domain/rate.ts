/** At most `count` calls in any `windowMs` milliseconds. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

const windows = { s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000 } as const;

/** `10/s`, `600/min`, `1000/h`. Undefined: the text is no rate. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,6})\s*\/\s*(s|sec|m|min|h)$/.exec(text.trim());
  const count = Number(match?.[1]);
  if (match === null || count === 0) return undefined;
  return { count, windowMs: windows[match[2] as keyof typeof windows] };
}
