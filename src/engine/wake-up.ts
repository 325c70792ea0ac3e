/** Lets a loop sleep until something may have changed. */
export class WakeUp {
  #rung = false;
  #resolve: (() => void) | undefined;

  /** Ends the present wait, or the next one if nobody waits. */
  ring(): void {
    this.#rung = true;
    this.#resolve?.();
  }

  /** It rang since the last wait ended. */
  get pending(): boolean {
    return this.#rung;
  }

  /** Resolves at the next ring, at once if it rang since the last wait, or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.#resolve = undefined;
    }
    this.#rung = false;
  }
}
