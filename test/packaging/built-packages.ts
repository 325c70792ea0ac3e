/** The packages of which something lies in a built file: a comment, or a name, says where each piece comes from. */
export function packagesIn(text: string): string[] {
  const pieces = text.matchAll(/^\s*(?:\/\/ |")node_modules\/((?:@[^/\s]+\/)?[^/"\s]+)\//gm);
  return [...pieces].map(([, name]) => String(name));
}
