import type { JsonObject } from '../../domain/json.ts';
import { openApiOf } from './openapi.ts';
import { refuseUnknown } from './read-query.ts';
import { referencePage, referenceStyle } from './reference-page.ts';
import { apiBase, type Route, type StreamRoute } from './route.ts';

const documentPath = '/openapi.json';
const stylePath = '/docs.css';

/** Where the document of these routes, and a page that shows it, can be read. */
export function documentRoutes(routes: readonly Route[]): Route[] {
  let document: JsonObject | undefined;
  const documentFor = (version: string) => {
    document ??= openApiOf(all, version);
    return document;
  };
  const own: Route[] = [
    read(documentPath, 'getOpenApi', 'This document', 'application/json', (version) =>
      JSON.stringify(documentFor(version)),
    ),
    read('/docs', 'getReference', 'The reference, for people', 'text/html', (version) =>
      referencePage(documentFor(version), {
        style: `${apiBase}${stylePath}`,
        source: `${apiBase}${documentPath}`,
      }),
    ),
    read(stylePath, 'getReferenceStyle', 'How the reference looks', 'text/css', () => referenceStyle),
  ];
  const all = [...routes, ...own];
  return own;
}

const read = (
  path: string,
  id: string,
  summary: string,
  mediaType: string,
  text: (version: string) => string,
): StreamRoute => ({
  method: 'get',
  path,
  id,
  group: 'Reference',
  summary,
  responses: {
    '200': {
      description: summary,
      content: { [mediaType]: { schema: { type: mediaType === 'application/json' ? 'object' : 'string' } } },
    },
  },
  async handle(c, { version }) {
    refuseUnknown(Object.keys(c.req.queries()), []);
    return c.body(text(version), 200, { 'content-type': `${mediaType}; charset=utf-8` });
  },
});
