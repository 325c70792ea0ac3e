import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Does nothing with a record but leave a small result. */
export const noOpFlow = 'bench-no-op';
/** Posts a record of about 200 bytes. */
export const httpFlow = 'bench-http';

const noOpText = `flow: ${noOpFlow}
target: echo
mapping:
  id: source.id
`;

const httpText = `flow: ${httpFlow}
target: { connector: bench-target, endpoint: /records, method: POST }
mapping:
  id: source.id
  name: source.name
  email: source.email
  company: source.company
  note: source.note
`;

const connectorsText = (url: string) => `bench-target:
  type: http
  base_url: ${url}
  allow_private: true
`;

/** Writes the flows of the benchmark into a new folder and returns its path. */
export function writeFlows(parent: string, targetUrl?: string): string {
  const folder = join(parent, 'flows');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${noOpFlow}.yaml`), noOpText);
  if (targetUrl !== undefined) {
    writeFileSync(join(folder, `${httpFlow}.yaml`), httpText);
    writeFileSync(join(folder, 'connectors.yaml'), connectorsText(targetUrl));
  }
  return folder;
}
