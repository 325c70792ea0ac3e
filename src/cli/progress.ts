import { Presets, SingleBar } from 'cli-progress';
import { grouped, span } from './table.ts';
import type { Terminal } from './terminal.ts';

/** How far a job has come. */
export interface Position {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly rate: number | null;
  readonly secondsLeft: number | null;
}

export interface Progress {
  show(position: Position): void;
  /** Prints lines of text without spoiling what is drawn. */
  say(text: string): void;
  end(): void;
}

/** Time between two lines where no bar can be drawn, in milliseconds. */
const betweenLinesMs = 3000;

/** A bar for a person, a line now and then for a log, nothing for a program. */
export function openProgress(terminal: Terminal, json: boolean): Progress {
  if (terminal.isTTY) return bar(terminal);
  return json ? silence : lines(terminal);
}

const silence: Progress = { show() {}, say() {}, end() {} };

function bar({ err, columns }: Terminal): Progress {
  const barsize = Math.max(10, Math.min(40, columns - 60));
  const options = { format: '{bar} {percentage} %  {text}', stream: err, barsize, hideCursor: true };
  const single = new SingleBar({ ...options, gracefulExit: false }, Presets.shades_classic);
  let isDrawn = false;
  const stop = () => {
    if (isDrawn) single.stop();
    isDrawn = false;
  };
  return {
    show(position) {
      // Before the first record is read there is nothing to draw.
      if (position.total === 0) return;
      const payload = { text: describe(position) };
      if (isDrawn) single.setTotal(position.total);
      else single.start(position.total, position.done, payload);
      isDrawn = true;
      single.update(position.done, payload);
    },
    say(text) {
      // A bar goes back to the line it began on, wherever text has moved it: it begins anew below.
      stop();
      err.write(`${text}\n`);
    },
    end: stop,
  };
}

function lines({ err }: Terminal): Progress {
  let last = performance.now();
  return {
    show(position) {
      if (performance.now() - last < betweenLinesMs) return;
      last = performance.now();
      err.write(`${describe(position)}\n`);
    },
    say: (text) => err.write(`${text}\n`),
    end() {},
  };
}

function describe({ done, total, failed, rate, secondsLeft }: Position): string {
  const parts = [`${grouped(done)} of ${grouped(total)}`, `${grouped(failed)} failed`];
  if (rate !== null) parts.push(`${rate}/s`);
  if (secondsLeft !== null) parts.push(`${span(secondsLeft)} left`);
  return parts.join(', ');
}
