import { useEffect, useState } from 'preact/hooks';
import { query, segment } from './api.ts';

/** What the page shows; all of it is in the address, behind `#/`. */
export type Place =
  | { readonly view: 'jobs'; readonly flow?: string; readonly status?: string }
  | { readonly view: 'job'; readonly id: string }
  | { readonly view: 'start'; readonly flow?: string }
  | { readonly view: 'flows' }
  | { readonly view: 'flow'; readonly name: string }
  | { readonly view: 'dead-letters'; readonly flow?: string }
  | { readonly view: 'nothing' };

export const addressOf = {
  jobs: (filter: { flow?: string | undefined; status?: string | undefined } = {}) => `#/jobs${query(filter)}`,
  job: (id: string) => `#/jobs/${segment(id)}`,
  start: (flow?: string) => `#/start${query({ flow })}`,
  flows: () => '#/flows',
  flow: (name: string) => `#/flows/${segment(name)}`,
  deadLetters: (flow?: string) => `#/dead-letters${query({ flow })}`,
};

export function placeOf(hash: string): Place {
  const [path = '', parameters = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view = '', name = ''] = path.split('/').map(decoded);
  const filter = givenOf(new URLSearchParams(parameters));
  switch (view) {
    case '':
      return { view: 'jobs' };
    case 'jobs':
      return name === '' ? { view, ...filter } : { view: 'job', id: name };
    case 'start':
    case 'dead-letters':
      return { view, ...(filter.flow === undefined ? {} : { flow: filter.flow }) };
    case 'flows':
      return name === '' ? { view } : { view: 'flow', name };
    default:
      return { view: 'nothing' };
  }
}

function givenOf(parameters: URLSearchParams): { flow?: string; status?: string } {
  const flow = parameters.get('flow');
  const status = parameters.get('status');
  return { ...(flow === null ? {} : { flow }), ...(status === null ? {} : { status }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = () => setHash(location.hash);
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  return placeOf(hash);
}

export function goTo(address: string): void {
  location.hash = address;
}
