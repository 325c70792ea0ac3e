/** The longest name most file systems take, in bytes. */
const longestName = 255;
/** Names that Windows keeps for its devices, whatever follows the first dot. */
const devices = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

interface Named {
  readonly name: string;
  readonly version: number | null;
}

/** `import`, or `import@2`. */
export function labelOf({ name, version }: Named): string {
  return version === null ? name : `${name}@${version}`;
}

/** Names a flow's file may have, the best first. */
export function fileNamesFor(flow: Named, hasOthers: boolean): string[] {
  const names = [...(hasOthers ? [] : [flow.name]), ...(flow.version === null ? [] : [labelOf(flow)])];
  return (names.length === 0 ? [flow.name] : names).map((name) => `${name}.yaml`);
}

/** Why a flow of this name can have no file of its own; undefined: it can. The schema has checked its characters. */
export function fileNameProblem(flow: Named): string | undefined {
  if (flow.name === '') return 'the flow has no name; write flow: NAME, such as flow: customer-import';
  if (/^connectors$/i.test(flow.name))
    return 'connectors.yaml is the file of the connectors; choose another name';
  if (devices.test(flow.name)) return `${flow.name} is the name of a device on Windows; choose another name`;
  if (Buffer.byteLength(`${labelOf(flow)}.yaml`) > longestName) {
    return `the name is too long for a file: ${longestName - 20} bytes at most`;
  }
  return undefined;
}
