import { OutsideText } from './outside-text.tsx';

const shownAtMost = 20_000;

/** Any value of JSON as text over lines; a very long one by its beginning. */
export function JsonText({ value, label }: { readonly value: unknown; readonly label: string }) {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
  const rest = text.length - shownAtMost;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="text" tabIndex={0} aria-label={label}>
      <pre>
        <OutsideText text={rest > 0 ? text.slice(0, shownAtMost) : text} />
        {rest > 0
          ? `
… and ${rest} more characters`
          : ''}
      </pre>
    </section>
  );
}
