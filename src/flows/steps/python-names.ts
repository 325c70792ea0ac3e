/** Texts, comments, and uses of `env` outside of both. */
const parts =
  /('''|""")[\s\S]*?\1|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|#[^\n]*|(?<![\w.])env\s*(?:\.\s*get\s*\(\s*(["'])(\w+)\2|\[\s*(["'])(\w+)\4\s*\]|\.\s*(\w+))/g;
const dictMethods = new Set([
  'get',
  'items',
  'keys',
  'values',
  'copy',
  'pop',
  'setdefault',
  'update',
  'clear',
]);

/** Environment variables that a snippet names: `env.NAME`, `env["NAME"]` and `env.get("NAME")`. */
export function variablesIn(code: string): string[] {
  return [...usesIn(code).keys()];
}

/** Those of them that it only ever asks for by `env.get`, which takes a missing one for None or another value. */
export function variablesThatMayMiss(code: string): string[] {
  return [...usesIn(code)].flatMap(([name, mayMiss]) => (mayMiss ? [name] : []));
}

/** Whether a variable may miss, by its name. */
type Uses = Map<string, boolean>;

function usesIn(code: string): Uses {
  const uses: Uses = new Map();
  collect(code, uses);
  return uses;
}

function collect(code: string, uses: Uses): void {
  for (const match of code.matchAll(parts)) {
    const [text, , , byGet, , byKey, byAttribute] = match;
    const name = byGet ?? byKey ?? byAttribute;
    if (name === undefined) collectInside(code, match.index, text, uses);
    else if (!dictMethods.has(name)) uses.set(name, byGet !== undefined && uses.get(name) !== false);
  }
}

/** Of texts only f-strings hold code, in braces. */
function collectInside(code: string, at: number, text: string, uses: Uses): void {
  if (!/[fF][rR]?$/.test(code.slice(Math.max(0, at - 2), at))) return;
  const unescaped = text.replaceAll('{{', '').replaceAll('}}', '');
  for (const [, inside = ''] of unescaped.matchAll(/\{([^{}]*)\}/g)) collect(inside, uses);
}

/** The words of a snippet: whatever it uses is among them. */
export function wordsIn(code: string): ReadonlySet<string> {
  return new Set(code.match(/[\p{L}_][\p{L}\p{N}_]*/gu));
}
