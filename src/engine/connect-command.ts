/** A flow may name anything; only such a name stands in a command that a person is to type. */
const typable = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** The command by which a person declares a connector or gives its secret anew; undefined: its name is none to type. */
export function connectCommand(connector: string, options = ''): string | undefined {
  if (!typable.test(connector)) return undefined;
  return `sluice connect ${connector}${options === '' ? '' : ` ${options}`}`;
}

/** How a person gives a declared connector the credentials that its target takes. */
export function credentialsAdvice(connector: string): string | undefined {
  const command = connectCommand(connector);
  return command && `\`${command}\` asks for it; an HTTP connector that has none takes --bearer`;
}
