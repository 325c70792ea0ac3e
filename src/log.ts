import { pino } from 'pino';
import type { Log } from './engine/log.ts';

/** Structured lines on stderr; stdout belongs to answers. */
export function createLog(level: string): Log {
  return pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
}
