const maxMs = 3_600_000;

/**
 * Milliseconds a `Retry-After` header asks to wait: seconds, or an HTTP date. At most an hour, since
 * nobody may park a job for longer; undefined when it says nothing usable.
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : httpDate(text) - now;
  return wait >= 0 ? Math.min(Math.ceil(wait), maxMs) : undefined;
}

/** `Wed, 21 Oct 2015 07:28:00 GMT`; Date.parse would also take things like `-5`. */
function httpDate(text: string): number {
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}
