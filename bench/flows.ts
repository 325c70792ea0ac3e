import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Does nothing with a record but leave a small result. */
export const noOpFlow = 'bench-no-op';
/** Changes a record five times, one step after the other. */
export const fiveStepFlow = 'bench-five-steps';
/** Takes a hundred records at once. */
export const chunkFlow = 'bench-chunks';
/** Hands a record to a small snippet. */
export const pythonFlow = 'bench-python';
/** Posts a record of about 200 bytes. */
export const httpFlow = 'bench-http';

const noOpText = `flow: ${noOpFlow}
target: echo
mapping:
  id: source.id
`;

const fiveStepText = `flow: ${fiveStepFlow}
steps:
  - { name: one, type: transform, mapping: { id: record.id, name: record.name | trim } }
  - { name: two, type: transform, mapping: { id: steps.one.result.id, name: steps.one.result.name | uppercase } }
  - { name: three, type: transform, mapping: { id: steps.two.result.id, email: record.email | lowercase } }
  - { name: four, type: transform, mapping: { id: steps.three.result.id, note: record.note | truncate(20) } }
  - { name: five, type: transform, mapping: { id: steps.four.result.id } }
`;

const chunkText = `flow: ${chunkFlow}
size: 100
steps:
  - { name: one, type: echo, message: { count: "{{ items | size }}" } }
`;

const pythonText = `flow: ${pythonFlow}
steps:
  - type: python
    code: |
      name = record['name'].strip().title()
      return {'id': record['id'], 'name': name}
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
  writeFileSync(join(folder, `${fiveStepFlow}.yaml`), fiveStepText);
  writeFileSync(join(folder, `${chunkFlow}.yaml`), chunkText);
  writeFileSync(join(folder, `${pythonFlow}.yaml`), pythonText);
  if (targetUrl !== undefined) {
    writeFileSync(join(folder, `${httpFlow}.yaml`), httpText);
    writeFileSync(join(folder, 'connectors.yaml'), connectorsText(targetUrl));
  }
  return folder;
}
