import type { Flow } from './flow.ts';
import type { FlowProblem } from './flow-identity.ts';

/** `compileFlow`, loaded with the first flow: a chat client waits for every import of a process that starts. */
export async function compileLate(
  text: string,
  file: string,
): Promise<{ flow: Flow } | { problems: FlowProblem[] }> {
  const { compileFlow } = await import('./compile-flow.ts');
  return compileFlow(text, file);
}
