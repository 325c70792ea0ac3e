import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { SluiceError } from '../../domain/sluice-error.ts';
import type { Flow } from '../flow.ts';
import { type FlowProblem, revisionOf } from '../flow-identity.ts';
import { codeFlow } from './compile-code-flow.ts';
import { definitionOf } from './define-flow.ts';
import { loadMark, prepareForModules } from './module-hooks.ts';
import { thrownProblem } from './module-problem.ts';

const defaultDeadlineMs = 10_000;

/** `isHelper`: the module defines no flow and is none of Sluice's business; others import it. */
export type LoadedModule =
  | { readonly flow: Flow }
  | { readonly problems: FlowProblem[] }
  | { readonly isHelper: true };

/** By file and revision, so that a module that did not change is run once. */
const loads = new Map<string, Promise<LoadedModule>>();
let loadCount = 0;

/**
 * Loads a module with a flow. `text` is what stands in the file; an edited file is another module, while
 * jobs that run keep theirs. Never rejects: whatever is wrong comes back as problems.
 *
 * The code runs in this process, with all its rights, so only files of the operator may get here.
 */
export async function loadCodeFlow(
  file: string,
  text: string,
  deadlineMs = defaultDeadlineMs,
): Promise<LoadedModule> {
  const key = `${file}\0${revisionOf(text)}`;
  const known = loads.get(key);
  if (known !== undefined) return known;
  const loading = load(file, text, deadlineMs);
  loads.set(key, loading);
  const loaded = await loading;
  // What went wrong may go well another time, when something the module needs has been mended.
  if ('problems' in loaded) loads.delete(key);
  return loaded;
}

async function load(file: string, text: string, deadlineMs: number): Promise<LoadedModule> {
  // Without the word there is no default export, so the module need not be run to know it.
  if (!/\bdefault\b/.test(text)) return { isHelper: true };
  if (/\.m?ts$/.test(file) && !readsTypeScript()) {
    const advice = 'run Sluice with Node 22.18 or newer, or write it as .mjs';
    return wrong(file, 'is TypeScript, which this Node cannot load', advice);
  }
  const url = pathToFileURL(file);
  url.searchParams.set(loadMark, `${revisionOf(text)}-${++loadCount}`);
  try {
    const exported = await withinDeadline(importNatively(url.href), deadlineMs);
    if (exported === undefined) {
      const seconds = deadlineMs / 1000;
      return wrong(
        file,
        `did not finish loading within ${seconds} s; does it wait for something at the top?`,
      );
    }
    if ((await readFile(file, 'utf8')) !== text)
      return wrong(file, 'changed while it was loaded', 'try again');
    return definedIn(exported, file, text);
  } catch (error) {
    return { problems: [await thrownProblem(error, { file, text, url: url.href })] };
  }
}

function definedIn(exported: Readonly<Record<string, unknown>>, file: string, text: string): LoadedModule {
  if (!Object.hasOwn(exported, 'default')) return { isHelper: true };
  const definition = definitionOf(exported.default);
  if (definition === undefined) {
    const advice = 'a name that begins with _ marks a module that is no flow';
    return wrong(file, 'has a default export that does not come from defineFlow', advice);
  }
  if (definition.chain.nodes.length === 0) throw new SluiceError('flow_invalid', 'the flow has no steps');
  return { flow: codeFlow(definition, text) };
}

function readsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** undefined: the deadline came first. */
async function withinDeadline<T>(loading: Promise<T>, deadlineMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), deadlineMs);
  });
  try {
    return await Promise.race([loading, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

type Import = (url: string) => Promise<Readonly<Record<string, unknown>>>;
let nativeImport: Import | undefined;

/** `import()` of Node itself, even where a test runner or a bundler puts its own in place of the word. */
async function importNatively(url: string): Promise<Readonly<Record<string, unknown>>> {
  prepareForModules();
  if (nativeImport === undefined) {
    const bridge = 'data:text/javascript,export default (url) => import(url)';
    nativeImport = ((await import(bridge)) as { default: Import }).default;
  }
  return nativeImport(url);
}

function wrong(file: string, message: string, suggestion?: string): LoadedModule {
  const problem = { file, line: 1, column: 1, message };
  return { problems: [suggestion === undefined ? problem : { ...problem, suggestion }] };
}
