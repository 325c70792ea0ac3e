import { fixedText } from '../template.ts';

/** What is wrong with a part of a url, and what to write instead. */
export interface UrlProblem {
  readonly message: string;
  readonly suggestion?: string;
}

/** Why a path is refused as it is written, whatever the record holds; undefined: nothing is wrong with it. */
export function pathProblem(path: string): UrlProblem | undefined {
  const fixed = fixedText(path) ?? '';
  if (/[^\x21-\x7e]|[\\#]/.test(fixed)) {
    return { message: 'may hold no spaces, # or \\, and other characters only encoded' };
  }
  if (/(^|\/)(\.|%2e){1,2}(?=\/|$|\?)/i.test(fixed)) return { message: 'may hold no . or .. segments' };
  return undefined;
}

/** Why a url is refused whose beginning is neither a host nor a place as a whole. */
export function urlProblem(url: string): UrlProblem {
  if (!url.includes('{{')) return beginningProblem(url);
  const variable = /^https?:\/\/\{\{\s{0,9}env\.([A-Za-z_][A-Za-z0-9_]{0,99})/i.exec(url)?.[1];
  if (variable !== undefined) {
    const suggestion = `write {{ env.${variable} }}/path, and let the variable begin with https://`;
    return { message: 'has a variable for a part of its host', suggestion };
  }
  const message = 'has a place in its host, which a record never fills';
  const isJoined = /^(https?:\/\/[^/?#{}\s]{1,300}|\{\{\s{0,9}env\.\w{1,100}\s{0,9}\}\})\{\{/i.test(url);
  if (isJoined) return { message, suggestion: 'write a / between the host and the place' };
  return {
    message,
    suggestion: 'write the host out, or make the whole url one place and name its hosts',
  };
}

function beginningProblem(url: string): UrlProblem {
  if (url.trim() === '') return { message: 'is empty', suggestion: 'write https://host/path' };
  const message = 'must begin with https:// or http:// and a host';
  if (url.startsWith('/'))
    return { message, suggestion: 'a path alone needs a connector: write connector: and path:' };
  if (/\s/.test(url)) return { message: 'may hold no spaces' };
  return /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,10}([:/?]|$)/i.test(url)
    ? { message, suggestion: `write https://${url.slice(0, 100)}` }
    : { message };
}

const secretNames =
  /^(api[-_]?key|(access|auth|api)[-_]?token|token|secret|client[-_]?secret|password|passwd|pwd)$/i;
const secretHeaders = /^(authorization|cookie|(x-)?api-key|x-(auth|access)-token)$/i;

/** The name of a parameter of a url that holds a secret written out. */
export function secretInUrl(url: string): string | undefined {
  const [, query = ''] = url.split('?', 2);
  return query
    .split('&')
    .map((pair) => pair.split('=', 2))
    .find(([name = '', value = '']) => isSecretParameter(name, value))?.[0];
}

export function isSecretParameter(name: string, value: unknown): boolean {
  return isWritten(value) && secretNames.test(name);
}

export function isSecretHeader(name: string, value: unknown): boolean {
  return isWritten(value) && secretHeaders.test(name);
}

const isWritten = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('{{');
