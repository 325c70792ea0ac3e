/** A method and the paths with which callers of `POST /batch` may call a connector: `GET /users/*`. */
export interface BatchOffer {
  readonly method: string;
  /** As it is written; `*` stands for one segment. */
  readonly pattern: string;
}

export const batchMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const form = /^([A-Za-z]+) +(\/\S*)$/;

/** Why a line of `batch.allow` is none, or undefined. */
export function offerProblem(text: string): string | undefined {
  const [, method = '', pattern = ''] = form.exec(text.trim()) ?? [];
  if (!isMethod(method.toUpperCase()))
    return 'must be a method and a path, such as POST /users or GET /users/*';
  if (pattern.includes('?')) return 'must end before any ?';
  const segments = segmentsOf(pattern);
  if (segments.some((segment) => segment.includes('*') && segment !== '*'))
    return 'may have * only for a whole segment, such as /users/*';
  return pathProblem(pattern);
}

/** A line of `batch.allow` in which `offerProblem` finds nothing. */
export function readOffer(text: string): BatchOffer {
  const [, method = '', pattern = ''] = form.exec(text.trim()) ?? [];
  return { method: method.toUpperCase(), pattern };
}

/** The offer that a call comes under; undefined: nobody offers it. */
export function offerFor(
  offers: readonly BatchOffer[],
  method: string,
  path: string,
): BatchOffer | undefined {
  if (pathProblem(path) !== undefined) return undefined;
  const segments = segmentsOf(path);
  return offers.find(
    (offer) =>
      offer.method === method &&
      segmentsOf(offer.pattern).length === segments.length &&
      segmentsOf(offer.pattern).every((wanted, at) => fits(wanted, segments[at] ?? '')),
  );
}

const fits = (wanted: string, segment: string) => (wanted === '*' ? segment !== '' : wanted === segment);

/**
 * Why a path leads where nobody can say, or undefined. What a target takes apart once more after its own
 * decoding, such as an encoded slash, is as little a path as `..` is.
 */
export function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must begin with /';
  if (path.length > 2000) return 'must have at most 2000 characters';
  if (/[^\x21-\x7e]|[\\#]/.test(path))
    return 'may hold no spaces, # or \\, and other characters only encoded';
  const segments = segmentsOf(path);
  if (segments.length > 1 && segments.includes('')) return 'may hold no empty segments';
  return segments.map(segmentProblem).find((problem) => problem !== undefined);
}

/** Without the query. */
const segmentsOf = (path: string) => (path.split('?', 1)[0] ?? '').split('/').slice(1);

function segmentProblem(segment: string): string | undefined {
  const plain = decoded(segment);
  if (plain === undefined) return 'holds a % that encodes nothing';
  if (plain === '.' || plain === '..') return 'may hold no . or .. segments';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[/\\%\u0000-\u001f\u007f]/.test(plain)
    ? 'may hold no encoded slash, backslash or percent sign'
    : undefined;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

const isMethod = (text: string): boolean => batchMethods.some((method) => method === text);
