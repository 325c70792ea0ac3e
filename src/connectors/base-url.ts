import { SluiceError } from '../domain/sluice-error.ts';
import type { HttpSettings } from './connectors-file.ts';
import { type Declared, fileProblems } from './declared-connectors.ts';

/** Named at once. */
const namesShown = 10;

type Base = Pick<HttpSettings, 'name' | 'origin' | 'prefix'>;

/**
 * Name of the connector of type http whose `base_url` a URL lies under; the longest, if it lies under several.
 *
 * @throws SluiceError `source_not_allowed` that says which there are, and how a person declares another
 */
export function connectorOver(url: URL, declared: Declared): string {
  const bases = [...declared.connectors.values()].filter((settings) => settings.type === 'http');
  const [nearest] = bases.filter((base) => isUnder(url, base)).sort(byLength);
  if (nearest !== undefined) return nearest.name;
  throw new SluiceError('source_not_allowed', refusal(url, bases, declared));
}

/** The longest first, and of equal ones the same at any time. */
const byLength = (a: Base, b: Base) => b.prefix.length - a.prefix.length || (a.name < b.name ? -1 : 1);

/**
 * A server that takes an encoded slash for a slash, decodes twice, or passes over what follows a `;` would be led out of
 * the path by these.
 */
const encodedDots = /(\/|\\|%(25)*2f|%(25)*5c)(\.|%(25)*2e){1,2}(?=\/|\\|;|%(25)*(2f|5c|3b)|$)/i;

function isUnder({ origin, pathname }: URL, base: Base): boolean {
  if (origin !== base.origin) return false;
  if (base.prefix === '') return true;
  const isBelow = pathname === base.prefix || pathname.startsWith(`${base.prefix}/`);
  return isBelow && !encodedDots.test(pathname);
}

function refusal({ origin, pathname }: URL, bases: readonly Base[], declared: Declared): string {
  if (declared.problems.length > 0) return fileProblems(declared);
  const shown = bases
    .slice(0, namesShown)
    .map(({ name, origin: host, prefix }) => `${name} (${host}${prefix})`);
  const more = bases.length > shown.length ? ` and ${bases.length - shown.length} more` : '';
  const known =
    shown.length === 0 ? 'No connector of type http is declared.' : `There are ${shown.join(', ')}${more}.`;
  return `${(origin + pathname).slice(0, 200)} is not under the base_url of a connector, and nothing else is fetched. ${known} Ask the person to type \`sluice connect NAME ${origin}\` at a terminal to declare another one.`;
}
