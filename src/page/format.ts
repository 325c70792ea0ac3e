const whole = new Intl.NumberFormat('en');
const moments = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const clock = { hour: '2-digit', minute: '2-digit' } as const;
const tickParts = [
  { atMost: 60, format: new Intl.DateTimeFormat('en-GB', { ...clock, second: '2-digit' }) },
  { atMost: 43_200, format: new Intl.DateTimeFormat('en-GB', clock) },
];
const lastPart = { format: new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }) };
const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** 100000 → 100,000 */
export const formatCount = (count: number) => whole.format(count);

/** 3000, 'record' → 3,000 records */
export const counted = (count: number, noun: string) =>
  `${formatCount(count)} ${count === 1 ? noun : `${noun}s`}`;

/** Rounded down, so that 100 % means all. */
export function formatPercent(part: number, whole: number, digits = 1): string {
  const scale = 10 ** digits;
  return `${whole === 0 ? 0 : Math.floor((part / whole) * 100 * scale) / scale} %`;
}

/** From records in a second; under ten with one decimal. */
export const formatRate = (rate: number) =>
  `${rate < 10 ? Math.round(rate * 10) / 10 : formatCount(Math.round(rate))}/s`;

/** The two largest units of a span: 4000 → 1 h 6 min */
export function formatSpan(seconds: number): string {
  const largest = units.findIndex(([, size]) => seconds >= size);
  if (largest === -1) return '0 s';
  let left = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units.slice(largest, largest + 2)) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.join(' ');
}

/** 12345678 → 12.3 MB */
export function formatBytes(bytes: number): string {
  const names = ['bytes', 'kB', 'MB', 'GB'];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), names.length - 1);
  return `${Math.round((bytes / 1000 ** step) * 10) / 10} ${names[step]}`;
}

/** A time as the API gives it, in the reader's zone. */
export const formatMoment = (time: string) => moments.format(new Date(time));

/** Times for an axis, in seconds since 1970: as long as it takes to tell them apart. */
export function formatTicks(moments: readonly number[]): string[] {
  const [first = 0, second = first] = moments;
  const part = tickParts.find(({ atMost }) => second - first < atMost) ?? lastPart;
  return moments.map((moment) => part.format.format(moment * 1000));
}

/** Words of the API as people read them: completed_with_errors → completed with errors */
export const inWords = (word: string) => word.replaceAll('_', ' ');
