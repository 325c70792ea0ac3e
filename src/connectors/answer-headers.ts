import type { IncomingHttpHeaders } from 'node:http';

/** Of these the first counts, as in Node's own client; of others all do, one behind the other. */
const single = new Set([
  'age',
  'content-length',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'retry-after',
  'server',
]);

/** The headers of an answer with one text for each name, but for `set-cookie`: a target may send a name twice. */
export function withoutRepeats(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): IncomingHttpHeaders {
  for (const name in headers) if (Array.isArray(headers[name])) return joined(headers);
  return headers as IncomingHttpHeaders;
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): IncomingHttpHeaders {
  const one = ([name, value]: [string, string | string[] | undefined]) => {
    if (!Array.isArray(value) || name === 'set-cookie') return [name, value];
    return [name, single.has(name) ? value[0] : value.join(', ')];
  };
  return Object.fromEntries(Object.entries(headers).map(one));
}
