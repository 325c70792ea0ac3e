// Escape sequences of terminals: `ESC [ … letter`, `ESC ] … BEL`, `ESC` and one character.
const terminalSequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  /\u001b\[[0-9;:?<=>]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b./gu;
// Marks that show nothing or turn the direction of writing, and tag characters, which can hide a text.
const invisible = /\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}|[\ufff9-\ufffb]/gu;
const controls = /(?![\t\n])\p{Cc}/gu;

/** A text without terminal sequences, control characters other than tabs and line breaks, and anything invisible. */
export function visibleText(text: string): string {
  // Most texts hold none of it, and one look is cheaper than three replacements.
  if (/^[\t\n\u0020-\u007e]*$/.test(text)) return text;
  return text
    .toWellFormed()
    .replace(terminalSequences, ' ')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(invisible, '')
    .replace(controls, ' ');
}

/** As `visibleText`, for every text inside a value, the names of its fields included. */
export function visibleValue(value: unknown): unknown {
  if (typeof value === 'string') return visibleText(value);
  if (Array.isArray(value)) return value.map(visibleValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [visibleText(name), visibleValue(inner)]),
  );
}
