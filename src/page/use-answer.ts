import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask, CallFailure } from './api.ts';
import { connected } from './connection.ts';
import { useShared } from './shared-value.ts';
import { tokenChanges } from './token.ts';

/** Troubles that pass, and how long to wait before it is asked again, in milliseconds. */
const passing = new Set(['database_unavailable', 'engine_unavailable', 'internal_error', 'unknown']);
const comeBackMs = 5000;
/** How long an answer is awaited before it is asked for again, however slow the server is. */
const patienceMs = 20_000;
const longAgo = Number.NEGATIVE_INFINITY;

export interface Answered<Answer> {
  /** The last one, also while another is awaited. */
  readonly answer: Answer | undefined;
  readonly failure: CallFailure | undefined;
  readonly reload: () => void;
}

type Known<Answer> = Omit<Answered<Answer>, 'reload'> & { readonly path: string | undefined };

/**
 * What the API answers at a path: asked again when the path or `version` changes, when the server is back, and every
 * `everyMs` while the page is looked at. Asks nothing while `path` is undefined.
 */
export function useAnswer<Answer>(
  path: string | undefined,
  everyMs?: number,
  version?: unknown,
): Answered<Answer> {
  const [known, setKnown] = useState<Known<Answer>>(nothing(path));
  const [asked, setAsked] = useState(0);
  const isConnected = useShared(connected);
  const token = useShared(tokenChanges);
  const awaitedSince = useRef(longAgo);

  useEffect(() => {
    if (path === undefined || !isConnected) return;
    const ending = new AbortController();
    setKnown((before) => keptOf(before, path));
    awaitedSince.current = performance.now();
    const take = (next: (before: Known<Answer>) => Known<Answer>) => {
      if (ending.signal.aborted) return;
      awaitedSince.current = longAgo;
      setKnown(next);
    };
    ask<Answer>(path, { signal: ending.signal }).then(
      (answer) => take(() => ({ path, answer, failure: undefined })),
      (error: unknown) => take(({ answer }) => ({ path, answer, failure: failureFrom(error) })),
    );
    return () => ending.abort();
  }, [path, version, asked, isConnected, token]);

  const reload = useCallback(() => setAsked((count) => count + 1), []);
  const againMs = everyMs ?? (passing.has(known.failure?.code ?? '') ? comeBackMs : undefined);
  useEffect(() => {
    if (againMs === undefined) return;
    const timer = setInterval(() => {
      const isAwaited = performance.now() - awaitedSince.current < patienceMs;
      if (document.visibilityState === 'visible' && !isAwaited) reload();
    }, againMs);
    return () => clearInterval(timer);
  }, [againMs, reload]);

  const { answer, failure } = isSamePlace(known.path, path) ? known : nothing(path);
  return { answer, failure, reload };
}

const nothing = (path: string | undefined) => ({ path, answer: undefined, failure: undefined });

/** Another page of the same list takes the place of the one before once it is there; another thing does not. */
const keptOf = <Answer>(before: Known<Answer>, path: string): Known<Answer> =>
  isSamePlace(before.path, path) ? { ...before, path } : nothing(path);

const isSamePlace = (before = '', now = '') => before.split('?')[0] === now.split('?')[0];

/** The words for whatever went wrong with a call. */
export function failureFrom(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  return new CallFailure('unexpected', 'The page met something it did not expect. Load it again.');
}
