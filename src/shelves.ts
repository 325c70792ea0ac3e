import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { type Drafts, openDrafts } from './flows/drafts.ts';
import { type FlowLibrary, openFlowLibrary } from './flows/flow-library.ts';

/** The flows one owner can run, and those that wait for a person's word. */
export interface Shelf {
  readonly flows: FlowLibrary;
  readonly drafts: Drafts;
}

/** Libraries stay open, so that files are not read again for each call; more owners than this take turns. */
const openAtMost = 200;

/** The flows of this machine, and those of each owner in a folder of their own beside them. */
export function openShelves(config: Config, own: FlowLibrary) {
  const ofMachine: Shelf = { flows: own, drafts: openDrafts(config.flowsFolder) };
  const shelves = new Map<string, Shelf>();
  return {
    of(owner: string | null): Shelf {
      if (owner === null) return ofMachine;
      const shelf = shelves.get(owner) ?? openShelf(folderOf(config, owner), owner);
      shelves.delete(owner);
      shelves.set(owner, shelf);
      const [oldest] = shelves.keys();
      if (shelves.size > openAtMost && oldest !== undefined) shelves.delete(oldest);
      return shelf;
    },
  };
}

function openShelf(folder: string, owner: string): Shelf {
  const drafts = openDrafts(folder, owner);
  return { flows: openFlowLibrary(folder, 'your flows', drafts), drafts };
}

/** Owners are named by others, so a name only goes into a path when nothing in it can lead elsewhere. */
function folderOf(config: Config, owner: string): string {
  const isPlain = /^[a-z0-9][a-z0-9_-]{0,60}$/.test(owner);
  const name = isPlain ? owner : `~${createHash('sha256').update(owner).digest('hex').slice(0, 40)}`;
  return join(config.home, 'owners', name, 'flows');
}
