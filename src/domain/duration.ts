const unitMs = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const pattern = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?$/;

/** Milliseconds of `30s`, `1.5m`, `200ms`, `2h`, `1d`; a bare number is seconds. Undefined when it is no duration. */
export function parseDuration(text: string | number): number | undefined {
  const match = pattern.exec(String(text).trim());
  if (match === null) return undefined;
  const unit = (match[2] ?? 's') as keyof typeof unitMs;
  return Number(match[1]) * unitMs[unit];
}
