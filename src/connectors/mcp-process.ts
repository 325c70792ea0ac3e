import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { guardGroup } from './group-guard.ts';
import { LineReader } from './mcp-lines.ts';
import { answeredId, lostAnswer, type McpTransport, messageIn } from './mcp-messages.ts';

/** A server's program. No shell reads its words. */
export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** All the variables it sees. */
  readonly env: Readonly<Record<string, string>>;
  /** undefined: an empty folder of its own. */
  readonly cwd: string | undefined;
}

/** How long a server may take to end by itself: first at the end of its input, then after SIGTERM. */
const graceMs = 1_000;
/** How long pipes may stay open after the process has ended. */
const drainMs = 200;
const lastWordsLength = 4_000;
/** A server that asks more than it reads gets no more answers. */
const maxUnread = 1024 * 1024;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Speaks with a server over its standard streams, as the SDK's own transport does. Besides, it ends the whole
 * process group (`npx` starts the server in a grandchild), survives lines of any length, keeps what the server
 * writes to stderr to itself, and never keeps this process from ending.
 */
export class McpProcess implements McpTransport {
  readonly isProcess = true;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #program: ServerProgram;
  #child: Child | undefined;
  #folder: string | undefined;
  #lastWords = '';
  #closing: Promise<void> | undefined;
  readonly #over: Promise<void>;
  #ended = () => {};

  constructor(program: ServerProgram) {
    this.#program = program;
    this.#over = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  get lastWords(): string {
    return this.#lastWords;
  }

  async start(): Promise<void> {
    const { command, args, env, cwd } = this.#program;
    if (cwd === undefined) this.#folder = await mkdtemp(join(tmpdir(), 'sluice-mcp-'));
    if (this.#closing !== undefined) return this.#finish();
    const child = spawn(command, args, {
      cwd: cwd ?? this.#folder,
      env: { ...env },
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    let failed: Error | undefined;
    child.once('error', (error) => {
      failed = error;
      // Nothing has begun, so nothing else will tell of an end.
      if (child.pid === undefined) this.#finish();
    });
    if (child.pid !== undefined) this.#listen(child, child.pid);
    await new Promise((resolve) => child.once('spawn', resolve).once('error', resolve));
    if (failed !== undefined) throw failed;
  }

  #listen(child: Child, pid: number): void {
    const letGo = guardGroup(pid, basename(this.#folder ?? ''));
    const lines = new LineReader({
      line: (text) => this.#take(text),
      tooLong: (start, end) => {
        const id = answeredId(start, end);
        if (id !== undefined) this.onmessage?.(lostAnswer(id, 'too_large'));
      },
    });
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    // A server that has ended is told of by the end of its process.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {});
    child.once('exit', () => {
      signalGroup(pid, 'SIGKILL');
      letGo();
      // A process in a group of its own can hold the pipes for ever.
      const timer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, drainMs);
      child.once('close', () => {
        clearTimeout(timer);
        this.#finish();
      });
    });
    // Calls under way have their deadlines to keep this process alive; between calls nothing has to.
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as Socket).unref();
  }

  #take(line: string): void {
    const message = messageIn(line);
    if (message === undefined) this.#note(`${line.slice(0, lastWordsLength)}\n`);
    else if (message !== 'ignored') this.onmessage?.(message);
  }

  #note(text: string): void {
    this.#lastWords = (this.#lastWords + text).slice(-lastWordsLength);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || this.#closing !== undefined) throw new Error('not connected');
    if (!('method' in message) && stdin.writableLength > maxUnread) return;
    stdin.write(serializeMessage(message));
  }

  /** Resolves when the server and everything in its process group have ended. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const { pid } = this.#child ?? {};
    if (pid === undefined) return this.#finish();
    this.#child?.stdin.end();
    if (await this.#overWithin(graceMs)) return;
    signalGroup(pid, 'SIGTERM');
    if (await this.#overWithin(graceMs)) return;
    signalGroup(pid, 'SIGKILL');
    await this.#overWithin(graceMs);
  }

  async #overWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const over = await Promise.race([this.#over.then(() => true), late]);
    clearTimeout(timer);
    return over;
  }

  #finish(): void {
    const folder = this.#folder;
    this.#folder = undefined;
    if (folder !== undefined) rm(folder, { recursive: true, force: true }).catch(() => {});
    this.#ended();
    this.onclose?.();
  }
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? leader : -leader, signal);
  } catch {
    // It has ended already.
  }
}
