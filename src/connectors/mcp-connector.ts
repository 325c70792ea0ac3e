import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { watchAbort } from './abort-watch.ts';
import { UnreadableAnswer } from './answer-body.ts';
import { CallLimits } from './call-limits.ts';
import { connectorFailure } from './connector-failure.ts';
import { TimeOver } from './http-exchange.ts';
import type { McpCall } from './mcp.ts';
import { resultOf, type ToolAnswer } from './mcp-answer.ts';
import { type CallState, callFailure, toolFailure } from './mcp-failure.ts';
import { HttpRefusal } from './mcp-fetch.ts';
import { SessionKeeper } from './mcp-restarts.ts';
import { serverOf } from './mcp-server.ts';
import type { McpSession } from './mcp-session.ts';
import type { OpenMcpConnector } from './mcp-settings.ts';

/** Opens a connector. All calls of the process share one server process, or one session with a URL. */
export const openMcpConnector: OpenMcpConnector = (options) => {
  const { settings, limits = new CallLimits(settings) } = options;
  const { name, timeoutMs, retryLostAnswers } = settings;
  const server = serverOf(options);
  const keeper = new SessionKeeper(server.connect, options.clientVersion);

  return {
    name,
    async call(call) {
      const state: CallState = {
        connector: name,
        tool: call.tool,
        step: call.step,
        timeoutMs: call.timeoutMs ?? timeoutMs,
        scrub: server.scrub,
        leavesLost: retryLostAnswers === false,
        ready: false,
        matters: false,
      };
      try {
        return await limits.run(
          (leaves) => keeper.during(() => outcome(keeper, { ...call, leaves }, state)),
          call.signal,
        );
      } catch (error) {
        throw connectorFailure(settings, error);
      }
    },
    close: () => keeper.close(),
  };
};

/** A call whose turn has come; `leaves` is called when it goes out. */
type Call = McpCall & { readonly leaves: () => void };

async function outcome(keeper: SessionKeeper, call: Call, state: CallState): Promise<JsonValue> {
  const answer = await withinDeadline(state.timeoutMs, call.signal, (signal) =>
    answered(keeper, call, state, signal),
  ).catch((error: unknown) => {
    const cutOff = call.signal.aborted && error === call.signal.reason;
    if (cutOff && !(state.leavesLost && state.matters)) throw error;
    throw error instanceof RecordFailure ? error : new RecordFailure(callFailure(state, error));
  });
  if (answer.isError === true) throw new RecordFailure(toolFailure(state, answer));
  try {
    return resultOf(answer, state.scrub);
  } catch {
    throw new RecordFailure(callFailure(state, new UnreadableAnswer()));
  }
}

/** One call, and a second one when the server turned the first away because it had lost the session. */
async function answered(
  keeper: SessionKeeper,
  call: Call,
  state: CallState,
  signal: AbortSignal,
): Promise<ToolAnswer> {
  for (let first = true; ; first = false) {
    const session = await keeper.session();
    state.ready = true;
    try {
      return await callIn(session, call, state, signal);
    } catch (error) {
      if (session.ended) state.lastWords = session.lastWords;
      else if (signal.aborted && !call.signal.aborted) void keeper.doubt(session, state.timeoutMs);
      const lost = error instanceof HttpRefusal && error.sessionLost && session.hasId;
      if (!first || !lost) throw error;
      keeper.forget(session);
    }
  }
}

async function callIn(
  session: McpSession,
  call: Call,
  state: CallState,
  signal: AbortSignal,
): Promise<ToolAnswer> {
  const traits = await session.traitsOf(call.tool);
  signal.throwIfAborted();
  state.matters = traits?.repeatable !== true;
  call.leaves();
  return session.call(call.tool, call.arguments, signal);
}

/**
 * Gives `work` a time limit in total. When it is over, or when `signal` aborts, `work` is not waited for, and
 * the signal it was given is aborted.
 */
function withinDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    // A signal of its own: the SDK never takes its listeners off. The server is told the reason.
    const own = new AbortController();
    const end = (reason: unknown) => {
      settle();
      reject(reason);
      own.abort('the call is not waited for any more');
    };
    const timer = setTimeout(() => end(new TimeOver()), timeoutMs);
    const unwatch = watchAbort(signal, () => end(signal.reason));
    const settle = () => {
      clearTimeout(timer);
      unwatch();
    };
    work(own.signal).finally(settle).then(resolve, reject);
  });
}
