import type { Hono } from 'hono';
import type { HttpEnvironment } from './environment.ts';
import { notAllowed, nothingHere } from './problem.ts';

/** The text of a built file of the page; undefined: there is none. */
export type PageFile = (name: string) => string | undefined;

/** The files of the page, by the path they are served at. No other file can be asked for. */
const files = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/page/page.js': { name: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page/page.css': { name: 'page.css', type: 'text/css; charset=utf-8' },
  '/page/icon.svg': { name: 'icon.svg', type: 'image/svg+xml' },
} as const;

/** Serves the page. It holds no data: what it shows it asks of the API, with the token of who looks at it. */
export function servePage(app: Hono<HttpEnvironment>, pageFile: PageFile): void {
  for (const [path, { name, type }] of Object.entries(files)) {
    app.get(path, (c) => {
      const text = pageFile(name);
      if (text === undefined) return nothingHere(c);
      return c.body(text, 200, { 'content-type': type, 'cache-control': 'no-cache' });
    });
    app.all(path, (c) => notAllowed(c, 'GET, HEAD'));
  }
}
