import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
const pages = ['README.md', 'AGENTS.md', 'CHANGELOG.md', ...docs.map((name) => join('docs', name))].filter(
  (name) => name.endsWith('.md'),
);

/** Without what is code: a bracket in an example is no link. */
const proseOf = (page: string) =>
  readFileSync(join(root, page), 'utf8')
    .replace(/^(`{3,}).*\n[\s\S]*?^\1$/gm, '')
    .replace(/`[^`\n]+`/g, (code) => code.replaceAll(/[[\]]/g, ''));

const linksOf = (page: string) =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);

/** Anchors of the headings, as code hosts make them. */
const anchorsOf = (page: string) =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );

test.each(pages)('no link of %s is dead', (page) => {
  const local = linksOf(page).filter((link) => !/^[a-z]+:/.test(link));

  const dead = local.filter((link) => {
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? page : relative(root, resolve(root, dirname(page), path));
    if (statSync(join(root, file), { throwIfNoEntry: false }) === undefined) return true;
    return anchor !== undefined && !anchorsOf(file).includes(anchor);
  });

  expect(dead).toEqual([]);
});

test('the index leads to every page of the docs', () => {
  const reached = new Set(linksOf('docs/README.md').map((link) => join('docs', link.split('#')[0] ?? '')));
  const others = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');

  expect(others.filter((page) => !reached.has(page))).toEqual([]);
});
