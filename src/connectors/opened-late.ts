interface Closable {
  close(): Promise<void>;
}

/** Something that is loaded and opened by its first use. */
export interface OpenedLate<T extends Closable> {
  get(): Promise<T>;
  /** Does nothing when it was never opened. */
  close(): Promise<void>;
}

export function openedLate<T extends Closable>(open: () => Promise<T>): OpenedLate<T> {
  let opening: Promise<T> | undefined;
  return {
    get() {
      if (opening === undefined) {
        const begun = open();
        opening = begun;
        begun.catch(() => {
          if (opening === begun) opening = undefined;
        });
      }
      return opening;
    },
    async close() {
      const opened = await opening?.catch(() => undefined);
      await opened?.close();
    },
  };
}
