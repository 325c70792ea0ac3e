import { Console } from 'node:console';

/**
 * Keeps the process alive when the code of a flow lets a promise fail that it does not await, or throws in a timer.
 * No record can be told of it, and Node would end the process, with the server of a chat and all jobs in it.
 */
export function outliveStrayErrors(): void {
  const stderr = new Console(process.stderr);
  const report = (thrown: unknown) => stderr.error(strayError(thrown));
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

/** Without the error's own words, which may hold what is in a record. */
function strayError(thrown: unknown): string {
  const isError = thrown instanceof Error;
  const kind = isError ? thrown.name : `a value of type ${typeof thrown}`;
  const [, file, line] = /([^/\\]+)\?sluice=[^:]*:(\d+)/.exec((isError && thrown.stack) || '') ?? [];
  const place = file === undefined ? '' : ` in ${file}, line ${line}`;
  return `sluice: the code of a flow let an error go by that nobody caught: ${kind}${place}. Await each promise.`;
}
