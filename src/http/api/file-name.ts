const parameter = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g;

/**
 * What a Content-Disposition calls a file, as RFC 6266 has it: `filename*` goes before `filename`, which may be
 * without quotes. undefined: it names none.
 */
export function fileNameIn(disposition: string): string | undefined {
  const named = new Map(
    [...disposition.matchAll(parameter)].map(([, name = '', quoted, bare]) => [
      name.toLowerCase(),
      quoted?.replace(/\\(["\\])/g, '$1') ?? bare ?? '',
    ]),
  );
  const extended = named.get('filename*');
  return decoded(extended) ?? named.get('filename') ?? extended;
}

/** `utf-8'en'na%C3%AFve.csv`; undefined: it is in no form that is known here. */
function decoded(extended: string | undefined): string | undefined {
  const escaped = /^utf-8'[^']*'(.*)$/i.exec(extended ?? '')?.[1];
  try {
    return escaped === undefined ? undefined : decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
