/** Another process has the job now: whatever is under way here comes to nothing. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';

  constructor() {
    super('the job is not held by this process any more');
  }
}
