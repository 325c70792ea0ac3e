/** What the server's own addresses begin with. */
const ownRoots = new Set([
  '.well-known',
  'assets',
  'batch',
  'favicon.ico',
  'healthz',
  'mcp',
  'messages',
  'metrics',
  'oauth',
  'page',
  'readyz',
  'robots.txt',
  'sse',
]);

/** What the addresses of the API begin with, below `/api/v1`, up to a dot. */
const ownOfApi = new Set([
  'batches',
  'connectors',
  'dead-letters',
  'docs',
  'events',
  'flow-reference',
  'flows',
  'jobs',
  'logs',
  'openapi',
  'previews',
  'records',
  'tickets',
  'tokens',
  'uploads',
]);

/** Why a flow cannot be published at a path, or undefined. The server's own addresses go first. */
export function publishedPathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must begin with /';
  if (path.length > 200) return 'must have at most 200 characters';
  const segments = path.slice(1).split('/');
  if (path !== '/' && !segments.every((segment) => /^[A-Za-z0-9_~.-]+$/.test(segment)))
    return 'must be segments of letters, digits, -, _, . and ~, without a / at the end';
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'may hold no . or .. segments';
  if (segments.at(-1)?.toLowerCase() === 'openapi.json')
    return 'may not end in openapi.json, where a published flow is described';
  return isOwn(segments.map((segment) => segment.toLowerCase()))
    ? "is an address of Sluice's own; choose another, such as /customers/import"
    : undefined;
}

function isOwn([root = '', version = '', part]: readonly string[]): boolean {
  if (root === '' || ownRoots.has(root)) return true;
  if (root !== 'api') return false;
  if (version === '') return true;
  return version === 'v1' && (part === undefined || ownOfApi.has(part.split('.', 1)[0] ?? ''));
}
