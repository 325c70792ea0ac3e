import { compileLate } from './compile-late.ts';
import type { Flow } from './flow.ts';
import { revisionOf } from './flow-identity.ts';

/** What compiles the text that was kept with a job; a code flow has to be found in its folder. */
export type StoredKind = 'yaml' | 'code' | 'operations';

export const storedKindOf = ({ kind, storedAs }: Pick<Flow, 'kind' | 'storedAs'>): StoredKind =>
  storedAs ?? (kind === 'code' ? kind : 'yaml');

/** Compiled flows that are kept, those used last. */
const mostKept = 50;
const kept = new Map<string, Promise<Flow | undefined>>();

/**
 * The flow whose text was kept with a job; undefined: this version of Sluice cannot read it. It is compiled once, so
 * that a job runs what the one before it has warmed up.
 */
export function compileStored(
  text: string,
  name: string,
  kind: Exclude<StoredKind, 'code'>,
): Promise<Flow | undefined> {
  const key = `${kind} ${revisionOf(text)} ${name}`;
  const compiled = kept.get(key) ?? compileAnew(text, name, kind);
  kept.delete(key);
  kept.set(key, compiled);
  const [oldest] = kept.keys();
  if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  compiled.catch(() => kept.delete(key));
  return compiled;
}

async function compileAnew(
  text: string,
  name: string,
  kind: Exclude<StoredKind, 'code'>,
): Promise<Flow | undefined> {
  if (kind === 'operations') return (await import('./operations-flow.ts')).readOperationsFlow(text);
  const compiled = await compileLate(text, name);
  return 'flow' in compiled ? compiled.flow : undefined;
}
