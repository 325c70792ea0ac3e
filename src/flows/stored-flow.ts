import { compileLate } from './compile-late.ts';
import type { Flow } from './flow.ts';

/** What compiles the text that was kept with a job; a code flow has to be found in its folder. */
export type StoredKind = 'yaml' | 'code' | 'operations';

export const storedKindOf = ({ kind, storedAs }: Pick<Flow, 'kind' | 'storedAs'>): StoredKind =>
  storedAs ?? (kind === 'code' ? kind : 'yaml');

/** The flow whose text was kept with a job; undefined: this version of Sluice cannot read it. */
export async function compileStored(
  text: string,
  name: string,
  kind: Exclude<StoredKind, 'code'>,
): Promise<Flow | undefined> {
  if (kind === 'operations') return (await import('./operations-flow.ts')).readOperationsFlow(text);
  const compiled = await compileLate(text, name);
  return 'flow' in compiled ? compiled.flow : undefined;
}
