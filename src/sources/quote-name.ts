const longestName = 60;
const longestPath = 400;

/** A file, column or key name as it may stand in a message: quoted, on one line, at most 60 characters. */
export function quoteName(name: string): string {
  return quote(name, longestName);
}

/** The same for a path, which is of use only if nearly all of it is there. */
export function quotePath(path: string): string {
  return quote(path, longestPath);
}

function quote(text: string, longest: number): string {
  // Cc: control, Cf: direction marks and other invisibles, Cs: halves of a pair, Zl and Zp: line breaks.
  const visible = text.slice(0, 4 * longest).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}"]/gu, '\ufffd');
  const letters = [...visible];
  return letters.length > longest ? `"${letters.slice(0, longest - 1).join('')}…"` : `"${visible}"`;
}
