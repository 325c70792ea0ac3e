import {
  App,
  applyDocumentTheme,
  applyHostFonts,
  applyHostStyleVariables,
  type McpUiHostContext,
} from '@modelcontextprotocol/ext-apps';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

/** The longest a call may take, in milliseconds. */
const patienceMs = 20_000;

/** The chat around the view, as far as it takes part. */
export interface Host {
  /** Whether the view may call the server's tools. */
  readonly canCall: boolean;
  call(name: string, args: Record<string, unknown>, signal?: AbortSignal): Promise<CallToolResult>;
  /** Lets the assistant know without a message in the chat; does nothing where hosts do not take it. */
  tell(words: string): void;
}

export interface HostListener {
  /** The tool call the view belongs to has been answered. It may come before `openHost` resolves. */
  readonly onResult: (result: CallToolResult) => void;
  readonly onCancelled: (reason: string | undefined) => void;
  readonly onTeardown: () => void;
}

/** Joins the chat and takes on its look. */
export async function openHost({ onResult, onCancelled, onTeardown }: HostListener): Promise<Host> {
  const app = new App({ name: 'sluice-batch-view', version: '1' });
  app.ontoolresult = onResult;
  app.ontoolcancelled = ({ reason }) => onCancelled(reason);
  app.onhostcontextchanged = wear;
  app.onteardown = () => {
    onTeardown();
    return {};
  };
  await app.connect();
  wear(app.getHostContext() ?? {});
  const { serverTools, updateModelContext } = app.getHostCapabilities() ?? {};
  return {
    canCall: serverTools !== undefined,
    call: (name, args, signal) =>
      app.callServerTool(
        { name, arguments: args },
        { timeout: patienceMs, ...(signal === undefined ? {} : { signal }) },
      ),
    tell(words) {
      if (updateModelContext === undefined) return;
      app.updateModelContext({ content: [{ type: 'text', text: words }] }).catch(() => {});
    },
  };
}

/** Colours of Sluice's own, and the names hosts have for the same. */
const colours = [
  ['--surface', '--color-background-primary'],
  ['--raised', '--color-background-secondary'],
  ['--sunken', '--color-background-tertiary'],
  ['--line', '--color-border-secondary'],
  ['--control-line', '--color-border-primary'],
  ['--text', '--color-text-primary'],
  ['--muted', '--color-text-secondary'],
  ['--danger', '--color-text-danger'],
  ['--danger-surface', '--color-background-danger'],
  ['--accent', '--color-ring-primary'],
] as const;

/** Only what a host names changes: the rest stays as it is. */
function wear({ theme, styles, safeAreaInsets: insets }: McpUiHostContext): void {
  const { style } = document.documentElement;
  if (theme !== undefined) applyDocumentTheme(theme);
  if (styles?.css?.fonts !== undefined) applyHostFonts(styles.css.fonts);
  const variables = styles?.variables;
  if (variables !== undefined) {
    applyHostStyleVariables(variables);
    for (const [own, theirs] of colours) {
      if (variables[theirs] !== undefined) style.setProperty(own, `var(${theirs})`);
    }
  }
  if (insets !== undefined) {
    const { top, right, bottom, left } = insets;
    style.setProperty('--safe-area', `${top}px ${right}px ${bottom}px ${left}px`);
  }
}
