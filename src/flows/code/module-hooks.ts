import { Console } from 'node:console';
import { register } from 'node:module';
import { defineFlow } from './define-flow.ts';
import { PermanentError, TransientError } from './step-errors.ts';
import { outliveStrayErrors } from './stray-errors.ts';

/** What `import … from 'sluice-mcp'` gives a module, whose folder may have no node_modules. */
const offered = { defineFlow, define: defineFlow, PermanentError, TransientError };

/** Marks the modules of one load of a flow, and those they import from beside them. */
export const loadMark = 'sluice';

/** Where the module that stands for this package finds what it exports: classes and all are those in use here. */
const offeredAt = 'sluice.offered';

const standIn = `const offered = globalThis[Symbol.for('${offeredAt}')];
${Object.keys(offered)
  .map((name) => `export const ${name} = offered.${name};`)
  .join('\n')}`;

/**
 * Runs in a thread of its own, so it is a text. Packages that are installed where the module lies come first.
 * What a flow imports from beside it is loaded anew with it.
 */
const hooks = `let data;
export function initialize(given) { data = given; }
export async function resolve(specifier, context, next) {
  try {
    const found = await next(specifier, context);
    const mark = context.parentURL && new URL(context.parentURL).searchParams.get(data.mark);
    if (!mark || !/^[.][.]?[/]/.test(specifier) || !found.url.startsWith('file:') || found.url.includes('?')) return found;
    return { ...found, url: found.url + '?' + data.mark + '=' + mark };
  } catch (error) {
    if (specifier === 'sluice-mcp') return { url: data.standIn, format: 'module', shortCircuit: true };
    if (/^zod([/]|$)/.test(specifier)) return next(specifier, { ...context, parentURL: data.here });
    throw error;
  }
}`;

let isReady = false;

/** Makes a process ready to load flows in code. Does nothing the second time. */
export function prepareForModules(): void {
  if (isReady) return;
  isReady = true;
  Object.defineProperty(globalThis, Symbol.for(offeredAt), { value: offered, configurable: true });
  register(asUrl(hooks), {
    data: { mark: loadMark, standIn: asUrl(standIn), here: import.meta.url },
  });
  // stdout is the protocol, and authors of flows write console.log.
  globalThis.console = new Console(process.stderr);
  outliveStrayErrors();
}

function asUrl(script: string): string {
  return `data:text/javascript,${encodeURIComponent(script)}`;
}
