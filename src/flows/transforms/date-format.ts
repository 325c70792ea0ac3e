/** What a format is for: not every token that can be written can be read. */
export type FormatUse = 'read' | 'write';

const longestFormat = 100;

const words = (text: string) => text.split(' ');
const common = words(
  'G GG y yy yyyy yyyyyy L LL LLL LLLL M MM MMM MMMM d dd o ooo q qq W WW kk kkkk E EEE EEEE c ccc cccc ' +
    'H HH h hh a m mm s ss S SSS u uu uuu z Z ZZ ZZZ D DD DDD DDDD t tt ttt T TT TTT f ff fff F FF FFF',
);
/** The tokens of Luxon. Other letters would stand for themselves, which nobody means. */
const tokens: Readonly<Record<FormatUse, ReadonlySet<string>>> = {
  read: new Set([...common, 'yyyyy']),
  write: new Set([
    ...common,
    ...words('GGGGG LLLLL MMMMM EEEEE ccccc ii iiii n nn ZZZZ ZZZZZ X x tttt TTTT ffff FFFF'),
  ]),
};

/** The part of a format that cannot be meant; undefined: all of them can. Texts in quotes stand for themselves. */
function strangePart(format: string, use: FormatUse): string | undefined {
  const parts = format.replace(/'[^']*'?/g, ' ').match(/%[A-Za-z]|([A-Za-z])\1*/g) ?? [];
  return parts.find((part) => !tokens[use].has(part)) ?? parts.find((part) => isMisplaced(part, parts, use));
}

function isMisplaced(part: string, parts: readonly string[], use: FormatUse): boolean {
  const has = (pattern: RegExp) => parts.some((other) => pattern.test(other));
  // A whole date or time beside parts of one: DD.MM.yyyy, yyyy-MM-ddTHH:mm.
  if (/^[DfF]/.test(part) && has(/^[yLMd]/)) return true;
  if (/^[TtfF]/.test(part) && has(/^[Hhms]/)) return true;
  if (use === 'read' && excludesAnother(part, has)) return true;
  // Minutes in place of months.
  return part.startsWith('m') && has(/^y/) && has(/^d/) && !has(/^[Hh]/);
}

/** Tokens that Luxon does not read beside some others: two sayings of the same. */
function excludesAnother(part: string, has: (pattern: RegExp) => boolean): boolean {
  if (part === 'a') return has(/^H/);
  if (/^[kW]/.test(part)) return has(/^[yLMdo]/);
  return part.startsWith('o') && has(/^[LMd]/);
}

/** Read as the seconds or the milliseconds since 1970, which Luxon writes and does not read. */
export const secondsFormat = 'X';
export const millisecondsFormat = 'x';

export function isDateFormat(text: string, use: FormatUse): boolean {
  if (text === secondsFormat || text === millisecondsFormat) return true;
  return text.length <= longestFormat && strangePart(text, use) === undefined;
}

/** Percent signs as in C, and what they are here. */
const percent: Readonly<Record<string, string>> = {
  ...{ Y: 'yyyy', y: 'yy', m: 'MM', d: 'dd', b: 'MMM', B: 'MMMM', a: 'EEE', A: 'EEEE', j: 'ooo' },
  ...{ H: 'HH', I: 'hh', M: 'mm', S: 'ss', p: 'a', z: 'ZZZ', F: 'yyyy-MM-dd', T: 'HH:mm:ss' },
};

/** What cannot stand in a format, and what to write instead. */
export function formatTrouble(
  format: string,
  use: FormatUse,
): { readonly message: string; readonly suggestion: string } | undefined {
  const strange = format.length > longestFormat ? undefined : strangePart(format, use);
  if (strange === undefined) return undefined;
  const meant = inTokens(format);
  const isMended = !format.includes("'") && isDateFormat(meant, use);
  const suggestion = isMended
    ? `write "${meant}"`
    : "a date is yyyy, MM and dd, a time HH, mm and ss, and words stand in quotes: 'at'";
  return { message: `cannot have "${strange}" in it`, suggestion };
}

/** A format as other tools write it. */
function inTokens(format: string): string {
  const hasMinutes = /[Hh%]/.test(format);
  const own = format.replace(/%([A-Za-z])/g, (whole, letter: string) => percent[letter] ?? whole);
  return (/(?<![A-Za-z])a(?![A-Za-z])/.test(own) ? own.replace(/H/g, 'h') : own)
    .replace(/ddd+/g, (days) => 'E'.repeat(days.length))
    .replace(/[YDA]/g, (letter) => letter.toLowerCase())
    .replace(/(?<=d)T(?=[Hh])/g, "'T'")
    .replace(/m/g, hasMinutes ? 'm' : 'M');
}
