const maxLength = 500;
/** Longer texts are cut first, so that a hostile one costs no time. */
const maxRead = 8_000;

// Escape sequences of terminals: `ESC [ … letter`, `ESC ] … BEL`, `ESC` and one character.
const terminalSequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  /\u001b\[[0-9;:?<=>]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b./gu;
// Marks that show nothing or turn the direction of writing, and tag characters, which can hide a text.
const invisible = /\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}|[\ufff9-\ufffb]/gu;
const controls = /[\p{Cc}\s]+/gu;

/**
 * Text of others, made fit to be shown: one line, at most 500 characters, without control characters,
 * terminal sequences or anything invisible. Undefined when nothing is left.
 */
export function foreignText(text: string, limit = maxLength): string | undefined {
  const clean = text
    .slice(0, maxRead)
    .toWellFormed()
    .replace(terminalSequences, ' ')
    .replace(invisible, '')
    .replace(controls, ' ')
    .trim();
  if (clean === '') return undefined;
  return clean.length <= limit ? clean : `${clean.slice(0, limit - 1).toWellFormed()}…`;
}
