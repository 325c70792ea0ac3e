import { SluiceError } from '../domain/sluice-error.ts';
import { openQuestions } from './questions.ts';
import type { Terminal } from './terminal.ts';

/**
 * Whether the person at the terminal says yes to a question.
 *
 * @throws SluiceError where nobody can be asked; `what` is the beginning of its sentence
 */
export async function isAgreed(terminal: Terminal, question: string, what: string): Promise<boolean> {
  if (!terminal.canAsk) {
    throw new SluiceError('invalid_input', `${what} at a terminal, or with --yes. Nothing was changed.`);
  }
  const questions = openQuestions(terminal);
  try {
    return await questions.confirm(`${question} y/N `);
  } finally {
    questions.close();
  }
}
