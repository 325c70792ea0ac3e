import './known-language.ts';
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import './page.css';
import { connected } from './connection.ts';
import { DeadLettersView } from './dead-letters-view.tsx';
import { FlowView } from './flow-view.tsx';
import { FlowsView } from './flows-view.tsx';
import { JobView } from './job-view.tsx';
import { JobsView } from './jobs-view.tsx';
import { addressOf, type Place, usePlace } from './router.ts';
import { useShared } from './shared-value.ts';
import { StartView } from './start-view.tsx';
import { forgetToken, readToken, tokenChanges, tokenNeed } from './token.ts';
import { TokenForm } from './token-form.tsx';

const links = [
  { views: ['jobs', 'job'], address: addressOf.jobs(), text: 'Jobs' },
  { views: ['start'], address: addressOf.start(), text: 'Start' },
  { views: ['flows', 'flow'], address: addressOf.flows(), text: 'Flows' },
  { views: ['dead-letters'], address: addressOf.deadLetters(), text: 'Dead letters' },
];

function Page() {
  const place = usePlace();
  const need = useShared(tokenNeed);
  const main = useRef<HTMLElement>(null);
  useTitle(place);
  useFocusOnChange(place, main.current);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Header place={place} />
      <Connection />
      <main id="main" ref={main} tabIndex={-1}>
        {need === 'none' ? <View place={place} /> : <TokenForm key={need} need={need} />}
      </main>
    </>
  );
}

function Header({ place }: { readonly place: Place }) {
  useShared(tokenChanges);
  return (
    <header>
      <a class="brand" href={addressOf.jobs()}>
        Sluice
      </a>
      <nav aria-label="Views">
        {links.map(({ views, address, text }) => (
          <a key={text} href={address} aria-current={views.includes(place.view) ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
      {readToken() === null ? null : (
        <button type="button" onClick={forgetToken}>
          Forget token
        </button>
      )}
    </header>
  );
}

function Connection() {
  const isConnected = useShared(connected);
  return (
    <div role="status" class="connection">
      {isConnected ? null : <p class="note note-notice">No connection to the server. Trying again …</p>}
    </div>
  );
}

function View({ place }: { readonly place: Place }) {
  switch (place.view) {
    case 'jobs':
      return <JobsView {...place} />;
    case 'job':
      return <JobView key={place.id} id={place.id} />;
    case 'start':
      return <StartView {...place} />;
    case 'flows':
      return <FlowsView />;
    case 'flow':
      return <FlowView name={place.name} />;
    case 'dead-letters':
      return <DeadLettersView {...place} />;
    case 'nothing':
      return (
        <>
          <h1>Nothing here</h1>
          <a href={addressOf.jobs()}>All jobs</a>
        </>
      );
  }
}

function titleOf(place: Place): string {
  switch (place.view) {
    case 'job':
      return `Job ${place.id.slice(-8)}`;
    case 'flow':
      return place.name;
    case 'nothing':
      return 'Nothing here';
    default:
      return links.find(({ views }) => views.includes(place.view))?.text ?? '';
  }
}

function useTitle(place: Place): void {
  const title = titleOf(place);
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
}

/** Who goes to another view by keyboard goes on from its beginning, and hears where that is. */
function useFocusOnChange(place: Place, main: HTMLElement | null): void {
  const shown = `${titleOf(place)} ${place.view}`;
  const before = useRef(shown);
  useEffect(() => {
    if (before.current === shown) return;
    before.current = shown;
    scrollTo(0, 0);
    main?.focus();
  }, [shown, main]);
}

const element = document.getElementById('page');
if (element !== null) render(<Page />, element);
