import { useState } from 'preact/hooks';
import type { PreviewAnswer } from './answers.ts';
import { ask } from './api.ts';
import { FailureNote } from './notes.tsx';
import { Preview } from './preview.tsx';
import { addressOf, goTo } from './router.ts';
import { useCall } from './use-call.ts';

interface StartProps {
  /** What would be started; undefined: something is still missing. */
  readonly request: object | undefined;
  readonly label: string;
}

/** What was looked at. Something else has to be looked at again. */
interface Looked {
  readonly request: string;
  readonly preview: PreviewAnswer;
  /** So that a start that is sent twice starts one job. */
  readonly key: string;
}

/** Shows what a start would do; only what was looked at can be started. */
export function PreviewAndStart({ request, label }: StartProps) {
  const [looked, setLooked] = useState<Looked>();
  const looking = useCall();
  const starting = useCall();
  const text = JSON.stringify(request);
  const shown = looked?.request === text ? looked : undefined;
  const look = () =>
    looking.run(async () => {
      const preview = await ask<PreviewAnswer>('/previews', { method: 'POST', body: request ?? {} });
      setLooked({ request: text, preview, key: newKey() });
    });
  const start = () =>
    starting.run(async () => {
      const plan = { plan_digest: shown?.preview.plan_digest, idempotency_key: shown?.key };
      const body = { ...request, ...(label === '' ? {} : { label }), ...plan };
      const { batch_job_id: id } = await ask<{ batch_job_id: string }>('/batches', { method: 'POST', body });
      goTo(addressOf.job(id));
    });
  const canStart = shown?.preview.plan_digest !== undefined;
  return (
    <fieldset>
      <legend>4. Preview and start</legend>
      <p class="muted">The preview reads all rows and sends nothing.</p>
      <button type="button" disabled={request === undefined} aria-disabled={looking.isBusy} onClick={look}>
        {looking.isBusy ? 'Looking …' : 'Preview'}
      </button>
      <FailureNote failure={looking.failure} />
      <div aria-live="polite">{shown === undefined ? null : <Preview preview={shown.preview} />}</div>
      <button
        type="button"
        class="filled"
        disabled={!canStart}
        aria-disabled={starting.isBusy}
        onClick={start}
      >
        Start
      </button>
      <FailureNote failure={starting.failure} />
    </fieldset>
  );
}

/** `crypto.randomUUID` is there in secure contexts only, and the page may be looked at over plain HTTP. */
const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join('-');
