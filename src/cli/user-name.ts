import { userInfo } from 'node:os';

/** Who is at the terminal. Not every user of a container has a name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
