/** A call was given up before any of it was on its way. */
export class NeverLeft extends Error {
  override readonly name = 'NeverLeft';

  constructor(cause: unknown) {
    super('the call never left', { cause });
  }
}
