/** Endings that tell the format of a file which comes with a media type and may have no name. */
const endings: Readonly<Record<string, string>> = {
  'text/csv': '.csv',
  'application/csv': '.csv',
  'text/tab-separated-values': '.tsv',
  'application/x-ndjson': '.ndjson',
  'application/ndjson': '.ndjson',
  'application/jsonl': '.ndjson',
  'application/x-jsonlines': '.ndjson',
  'application/json': '.json',
};

/** The ending for a Content-Type; undefined: it says nothing of a format. */
export function endingFor(contentType = ''): string | undefined {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  return endings[mediaType] ?? (mediaType.endsWith('+json') ? '.json' : undefined);
}
