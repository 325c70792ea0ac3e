interface Running {
  /** Settles when it is over, however it ended. */
  readonly over: Promise<void>;
  next?: Promise<string>;
}

const running = new Map<string, Running>();

/**
 * Writes a file, unless it is being written: then all who ask meanwhile share the one writing that comes after it,
 * so that nobody gets a file that is older than the question.
 */
export function oneAtATime(path: string, write: () => Promise<string>): Promise<string> {
  const present = running.get(path);
  if (present === undefined) return begin(path, write);
  present.next ??= present.over.then(() => begin(path, write));
  return present.next;
}

function begin(path: string, write: () => Promise<string>): Promise<string> {
  const writing = write();
  const leave = () => {
    if (mine.next === undefined) running.delete(path);
  };
  const mine: Running = { over: writing.then(leave, leave) };
  running.set(path, mine);
  return writing;
}
