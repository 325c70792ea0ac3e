import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Terminal } from './terminal.ts';

/** Asks a person at the terminal; without one, takes the answers from standard input, a line for each. */
export interface Questions {
  /** What is typed is not shown. Empty when the input has ended. @throws SluiceError after Ctrl-C */
  secret(question: string): Promise<string>;
  /** True for y and yes only. @throws SluiceError after Ctrl-C */
  confirm(question: string): Promise<boolean>;
  close(): void;
}

export function openQuestions({ input, err }: Pick<Terminal, 'input' | 'err'>): Questions {
  const isTyped = 'isTTY' in input && input.isTTY === true;
  let isMuted = false;
  // At a terminal readline itself shows what is typed.
  const output = new Writable({
    write(piece, _, done) {
      if (!isMuted) err.write(piece);
      done();
    },
  });
  const lines = createInterface({ input, output, terminal: isTyped, historySize: 0 });
  const answers = linesOf(lines);

  const ask = async (question: string, hide: boolean): Promise<string> => {
    err.write(question);
    isMuted = hide;
    try {
      return await answers.next();
    } finally {
      isMuted = false;
      if (hide && isTyped) err.write('\n');
    }
  };
  return {
    secret: (question) => ask(question, true),
    confirm: async (question) => /^y(es)?$/i.test((await ask(question, false)).trim()),
    close: () => lines.close(),
  };
}

/** Lines in their order, also those that come before anybody asks. */
function linesOf(lines: Interface): { next(): Promise<string> } {
  const waiting: string[] = [];
  let wanted: { take: (line: string) => void; giveUp: (error: unknown) => void } | undefined;
  let isOver = false;
  lines.on('line', (line) => {
    if (wanted === undefined) waiting.push(line);
    else wanted.take(line);
    wanted = undefined;
  });
  lines.on('close', () => {
    isOver = true;
    wanted?.take('');
    wanted = undefined;
  });
  lines.on('SIGINT', () => {
    wanted?.giveUp(new SluiceError('invalid_input', 'Given up. Nothing was changed.'));
    wanted = undefined;
    lines.close();
  });
  return {
    next() {
      const line = waiting.shift();
      if (line !== undefined || isOver) return Promise.resolve(line ?? '');
      return new Promise((take, giveUp) => {
        wanted = { take, giveUp };
      });
    },
  };
}
