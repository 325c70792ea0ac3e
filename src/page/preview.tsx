import type { PreviewAnswer } from './answers.ts';
import { counted, formatCount, formatSpan, inWords } from './format.ts';
import { JsonText } from './json-text.tsx';
import { MissingList } from './missing-list.tsx';
import { Notice } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';

/** What a start would do. */
export function Preview({ preview }: { readonly preview: PreviewAnswer }) {
  const { counts, source, estimate, missing, targets = [] } = preview;
  const seconds = estimate?.seconds ?? null;
  return (
    <>
      <p>
        <strong>{counted(preview.rows, 'row')}</strong>
        {preview.complete ? '' : ' looked at so far; there are more'}
        {counts === undefined ? null : (
          <>
            : <strong>{formatCount(counts.would_send)}</strong> would be sent,{' '}
            {formatCount(counts.would_fail)} would fail,{' '}
            {formatCount(counts.would_skip.duplicates + counts.would_skip.unchanged)} would be skipped
          </>
        )}
        {seconds === null ? '.' : `, in about ${formatSpan(Math.max(seconds, 1))}.`}
      </p>
      {source.broken === undefined ? null : (
        <Notice>
          The file cannot be read on from <OutsideText text={source.broken} />
        </Notice>
      )}
      {source.note === undefined ? null : <Notice>{source.note}</Notice>}
      <MissingList missing={missing?.map((reason) => ({ reason }))} />
      {targets.length === 0 ? null : (
        <p>
          It calls{' '}
          <OutsideText
            text={targets
              .map(
                ({ connector, host, methods }) => `${methods.join(', ')} ${host ?? connector} (${connector})`,
              )
              .join('; ')}
          />
        </p>
      )}
      <Problems preview={preview} />
      <Columns preview={preview} />
      {preview.rehearsed === undefined ? null : <p class="muted">How it was tried: {preview.rehearsed}.</p>}
      <div class="requests">
        {preview.untrusted_requests?.map((request, at) => (
          <JsonText key={at} value={request} label={`Request ${at + 1} of those that would be sent`} />
        ))}
      </div>
    </>
  );
}

function Problems({ preview: { problems, more_problems: more = 0 } }: { readonly preview: PreviewAnswer }) {
  if (problems.length === 0) return null;
  return (
    <ul class="groups">
      {problems.map(
        ({ count, message, untrusted_message: said, error_class: errorClass, advice, ...where }) => (
          <li key={message}>
            <strong class="group-count">{formatCount(count)}</strong>
            <div class="group-cause">
              <p>
                <OutsideText text={said === undefined ? message : `${message}: ${said}`} />
              </p>
              <p class="muted">
                {inWords(errorClass)} ·{' '}
                {where.sample_lines === undefined
                  ? `records ${where.sample_indexes.join(', ')}`
                  : `lines ${where.sample_lines.join(', ')}`}
              </p>
              <p>Next: {advice}</p>
            </div>
          </li>
        ),
      )}
      {more === 0 ? null : <li class="muted">And {counted(more, 'other problem')}.</li>}
    </ul>
  );
}

function Columns({ preview: { columns, more_columns: more = 0 } }: { readonly preview: PreviewAnswer }) {
  return (
    <p class="columns">
      Columns:{' '}
      {columns.map(({ name, type, empty }) => (
        <span key={name} class="column">
          <OutsideText text={name} />{' '}
          <span class="muted">
            {type}
            {empty === undefined ? '' : `, ${formatCount(empty)} empty`}
          </span>
        </span>
      ))}
      {more === 0 ? null : `and ${more} more`}
    </p>
  );
}
