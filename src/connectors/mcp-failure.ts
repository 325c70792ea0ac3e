import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import type { ErrorClass, Failure } from '../domain/failure.ts';
import { complaintIn, storedValue, UnreadableAnswer } from './answer-body.ts';
import { answerFailure, type CallNames, noAnswerFailure } from './call-failure.ts';
import { didYouMean } from './did-you-mean.ts';
import { foreignText } from './foreign-text.ts';
import { AnswerTooLarge, TimeOver } from './http-exchange.ts';
import { complaintOf, hintIn, type ToolAnswer } from './mcp-answer.ts';
import { HttpRefusal } from './mcp-fetch.ts';
import { lostBecause } from './mcp-messages.ts';
import { type BadEnd, ServerDown } from './mcp-restarts.ts';
import { ToolMissing } from './mcp-session.ts';
import { startCodeOf } from './start-trouble.ts';

/** A call, and how far it got. */
export interface CallState {
  readonly connector: string;
  readonly tool: string;
  readonly step: string;
  readonly timeoutMs: number;
  /** Masks the secrets that the server was given. */
  readonly scrub: (text: string) => string;
  /** A call whose answer is lost is left to a person. */
  readonly leavesLost: boolean;
  /** There is a server to call. */
  ready: boolean;
  /** The call may have reached the server, and a second one may change something more. */
  matters: boolean;
  /** Set once the session in use is over: what the server said last. */
  lastWords?: string;
}

/** The failure for an answer with `isError`. A hint that another call can help is believed. */
export function toolFailure(call: CallState, answer: ToolAnswer): Failure {
  const complaint = complaintOf(answer, call.scrub);
  // Servers built on the SDK refuse arguments in this way.
  if (complaint?.startsWith('MCP error -32602: ')) return argumentsFailure(call, complaint);
  const { class: errorClass, ...wait } = hintIn(answer) ?? { class: 'data' as const };
  const message = `${call.connector}: the tool ${call.tool} answered with an error`;
  return { ...failure(call, errorClass, 'tool_error', message, complaint), ...wait };
}

/** The failure for a call that ended without an answer of the tool. Never for an aborted signal. */
export function callFailure(call: CallState, error: unknown): Failure {
  if (error instanceof ServerDown) return downFailure(call, error);
  if (error instanceof TimeOver && !call.ready) {
    const message = `${call.connector} was not ready within ${call.timeoutMs / 1000} s`;
    return failure(call, 'transient', 'mcp_not_started', message);
  }
  if (error instanceof ToolMissing) {
    const names = didYouMean(call.tool, error.known) ?? 'it has no tools at all';
    return failure(call, 'data', 'tool_not_found', `${call.connector} has no tool ${call.tool}`, names);
  }
  const because = lostBecause(error);
  if (because === 'too_large' || error instanceof AnswerTooLarge) {
    const message = `${call.connector} answered the tool ${call.tool} with more than 8 MiB`;
    return { ...failure(call, 'data', 'response_too_large', message), ...applied(call) };
  }
  if (because === 'unreadable') return lost(call, new UnreadableAnswer());
  if (because === 'cut') return lost(call, Object.assign(new Error(), { code: 'ECONNRESET' }));
  if (call.lastWords !== undefined) {
    const message = `${call.connector} ended while the tool ${call.tool} was under way`;
    return {
      ...failure(call, 'transient', 'mcp_server_ended', message, tailOf(call, call.lastWords)),
      ...applied(call),
    };
  }
  if (error instanceof McpError) return protocolFailure(call, error);
  return wireFailure(call, error);
}

/** Refusals by HTTP, broken connections, and answers that are none. */
function wireFailure(call: CallState, error: unknown): Failure {
  if (error instanceof HttpRefusal) {
    const { status, headers, body } = error;
    const said = complaintIn(storedValue(call.scrub(body), headers), headers);
    return answerFailure(namesOf(call), { status, headers, body: Buffer.alloc(0) }, said, Date.now());
  }
  if (error instanceof StreamableHTTPError && error.code !== undefined && error.code >= 300) {
    const message = `${call.connector} answered with a redirect (${error.code}) that is not followed; set url to where it leads`;
    return failure(call, 'data', 'redirect_refused', message, error.message);
  }
  if (error instanceof TimeOver) return lost(call, error);
  const cause = isFetchFailure(error) ? error.cause : error;
  const code = startCodeOf(cause);
  if (/^(SyntaxError|ZodError|\$ZodError|RangeError)$/.test(code) || error instanceof StreamableHTTPError) {
    return lost(call, new UnreadableAnswer());
  }
  return lost(neverSent.test(code) ? { ...call, matters: false } : call, cause);
}

/** What `fetch` throws, whatever has gone wrong. */
function isFetchFailure(error: unknown): error is TypeError {
  return error instanceof TypeError && error.cause !== undefined;
}

/** Troubles before there is a connection. */
const neverSent =
  /^(AddressRefused|ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO)/;

function downFailure(call: CallState, { end, waitMs }: ServerDown): Failure {
  const wait = waitMs > 0 ? { retryAfterMs: waitMs } : {};
  if (!end.started) return { ...startFailure({ ...call, matters: false }, end), ...wait };
  const message = `${call.connector} ended again and again before it answered a call; it is given a pause`;
  return { ...failure(call, 'transient', 'mcp_server_ended', message, tailOf(call, end.lastWords)), ...wait };
}

function startFailure(call: CallState, { cause, lastWords }: BadEnd): Failure {
  const byHttp =
    cause instanceof HttpRefusal || cause instanceof StreamableHTTPError || isFetchFailure(cause);
  if (byHttp || lostBecause(cause) !== undefined) return callFailure(call, cause);
  const message = `${call.connector} ${startTrouble(cause)}`;
  return failure(call, 'transient', 'mcp_not_started', message, tailOf(call, lastWords));
}

function startTrouble(cause: unknown): string {
  const code = startCodeOf(cause);
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return 'could not be started: its command or folder is not there';
  if (code === 'EACCES' || code === 'EPERM') return 'could not be started: its command may not be run';
  if (/^E[A-Z0-9_]+$/.test(code)) return `could not be started (${code})`;
  if (!(cause instanceof McpError)) return 'began with something else than the protocol Sluice speaks';
  if (cause.code === ErrorCode.RequestTimeout) return 'was started and said nothing for a minute';
  return cause.code === ErrorCode.ConnectionClosed ? 'ended while it started' : 'refused to begin a session';
}

/** The end of what a server said outside of the protocol. */
function tailOf({ scrub }: CallState, lastWords: string): string {
  return scrub(lastWords).trimEnd().slice(-500);
}

/** `Resource not found`, and `URL elicitation required`: somebody has to do something first. */
const lasting = [-32002, -32042];

/**
 * The failure for an error of the protocol. When the server broke inside (-32603) or is in trouble of its
 * own (-32000 to -32099) another call may help; with all others it would come out the same.
 */
function protocolFailure(call: CallState, { code, message: said }: McpError): Failure {
  const { connector, tool } = call;
  if (code === -32602) return argumentsFailure(call, said);
  if (code === -32601) {
    return failure(call, 'data', 'tool_not_found', `${connector} does not know the tool ${tool}`, said);
  }
  const own = code === -32603 || (code <= -32000 && code >= -32099 && !lasting.includes(code));
  const message = `${connector} refused the tool ${tool} with the protocol error ${code}`;
  return failure(call, own ? 'transient' : 'data', 'mcp_error', message, said);
}

function argumentsFailure(call: CallState, said: string): Failure {
  const message = `${call.connector} refused the arguments of the tool ${call.tool}`;
  return failure(call, 'data', 'tool_arguments_invalid', message, said);
}

function lost(call: CallState, cause: unknown): Failure {
  return noAnswerFailure(namesOf(call), { cause, sent: call.matters });
}

function applied({ matters }: CallState): { maybeApplied?: true } {
  return matters ? { maybeApplied: true } : {};
}

function namesOf({ connector, tool, step, timeoutMs }: CallState): CallNames {
  return { connector, method: 'the tool', endpoint: tool, step, timeoutMs };
}

function failure(call: CallState, errorClass: ErrorClass, code: string, message: string, said = ''): Failure {
  const clean = foreignText(call.scrub(said));
  return {
    class: errorClass,
    code,
    message,
    step: call.step,
    ...(clean === undefined ? {} : { untrustedMessage: clean }),
  };
}
