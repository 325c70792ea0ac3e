/** Undoes one thing; a second call waits for the first. */
export type Undo = () => Promise<void>;

/** What has to be stopped and removed when the benchmark ends, however it ends. */
export interface Ending {
  /** True once everything is being undone: nothing new may be begun. */
  readonly begun: boolean;
  /** Returns a way to undo the thing now, ahead of the rest. */
  add(undo: () => unknown): Undo;
  /** Undoes everything that is left, the latest first. Never rejects. */
  run(): Promise<void>;
}

export function createEnding(): Ending {
  const left: Undo[] = [];
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    add(undo) {
      let undone: Promise<void> | undefined;
      const once = () => {
        undone ??= (async () => {
          await undo();
          left.splice(left.indexOf(once), 1);
        })();
        return undone;
      };
      left.push(once);
      return once;
    },
    async run() {
      begun = true;
      for (const undo of left.toReversed()) {
        await undo().catch((error: unknown) => console.error('While cleaning up:', error));
      }
    },
  };
}
