import { z } from 'zod';

const words = 'must be statuses from 100 to 599, or groups such as 2xx';
const code = z.union([
  z.int(words).min(100, words).max(599, words),
  z.string().regex(/^([1-5]xx|[1-5]\d\d)$/i, words),
]);

/** Statuses that count as success. */
export const successCodes = z.array(code).min(1, 'must name at least one status');

export function acceptsOf(codes: z.output<typeof successCodes>): (status: number) => boolean {
  const forms = codes.map((wanted) => String(wanted).toLowerCase());
  return (status) => forms.includes(String(status)) || forms.includes(`${Math.floor(status / 100)}xx`);
}
