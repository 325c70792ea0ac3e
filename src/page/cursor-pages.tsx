import { useState } from 'preact/hooks';

export interface CursorPages {
  /** Of the present page; undefined: it is the first. */
  readonly cursor: string | undefined;
  /** From 1. */
  readonly page: number;
  readonly goBack: () => void;
  readonly goOn: (nextCursor: string) => void;
}

/** Leads through a list whose pages are known by cursors only; begins again when `list` is another one. */
export function useCursorPages(list: string): CursorPages {
  const [known, setKnown] = useState<{ list: string; cursors: readonly string[] }>({ list, cursors: [] });
  const cursors = known.list === list ? known.cursors : [];
  return {
    cursor: cursors.at(-1),
    page: cursors.length + 1,
    goBack: () => setKnown({ list, cursors: cursors.slice(0, -1) }),
    goOn: (nextCursor) => setKnown({ list, cursors: [...cursors, nextCursor] }),
  };
}

interface PagerProps {
  readonly pages: CursorPages;
  readonly nextCursor: string | undefined;
  /** What is paged, for those who do not see where the buttons stand. */
  readonly label: string;
}

export function Pager({ pages, nextCursor, label }: PagerProps) {
  if (pages.page === 1 && nextCursor === undefined) return null;
  return (
    <nav class="pager" aria-label={label}>
      <button type="button" disabled={pages.page === 1} onClick={pages.goBack}>
        Previous
      </button>
      <span>Page {pages.page}</span>
      <button
        type="button"
        disabled={nextCursor === undefined}
        onClick={() => nextCursor !== undefined && pages.goOn(nextCursor)}
      >
        Next
      </button>
    </nav>
  );
}
