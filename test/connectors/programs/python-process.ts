import { openPrograms } from '../../../src/connectors/programs/open-programs.ts';

// A process with an interpreter that it never closes: `argv[2]` is a snippet that tells its pid to a file.
const { signal } = new AbortController();
const code = process.argv[2] ?? '';
await openPrograms().python({ code, scope: {}, timeoutMs: 60_000, step: 'go', signal });
