/** Under what the last successes of a flow are remembered: flows of different owners may have the same name. */
export const successScope = (owner: string | null, flowName: string): string =>
  owner === null ? flowName : `${owner}/${flowName}`;
