/** The functions that the examples import. What they do is up to the test. */

export interface Item {
  readonly id: number;
  readonly name: string;
}

export interface BatchResult {
  readonly count: number;
}

/** What a function does in the test at hand, by its name. */
type Doings = Record<string, (...given: never[]) => unknown>;

let doings: Doings = {};
export const calls: { readonly name: string; readonly given: readonly unknown[] }[] = [];

/** Gives functions something to do, and forgets the calls so far. */
export function script(next: Doings): void {
  doings = next;
  calls.length = 0;
}

export const callsOf = (name: string) => calls.filter((call) => call.name === name).map(({ given }) => given);

async function done<Result>(name: string, given: readonly unknown[]): Promise<Result> {
  calls.push({
    name,
    given: structuredClone(given.map((value) => (value instanceof Error ? value.message : value))),
  });
  return (await doings[name]?.(...(given as never[]))) as Result;
}

export const fetchAllUsers = (criteria: unknown) => done<Item[]>('fetchAllUsers', [criteria]);
export const fetchUsers = (payload: unknown) => done<Item[]>('fetchUsers', [payload]);
export const fetchItems = (payload: unknown) => done<Item[]>('fetchItems', [payload]);
export const fetchData = (payload: unknown) => done<Item[]>('fetchData', [payload]);
export const fetchApiData = (payload: unknown) => done<Item[]>('fetchApiData', [payload]);
export const fetchOrders = (payload: unknown) => done<Item[]>('fetchOrders', [payload]);
export const fetchLargeDataset = (payload: unknown) => done<Item[]>('fetchLargeDataset', [payload]);
export const getLargeDataset = (payload: unknown) => done<Item[]>('getLargeDataset', [payload]);
export const getInitialData = (payload: unknown) => done<Item[]>('getInitialData', [payload]);
export const getDataToProcess = (payload: unknown) => done<Item[]>('getDataToProcess', [payload]);

export const processUserBatch = (batch: Item[]) => done<BatchResult>('processUserBatch', [batch]);
export const processBatch = (batch: Item[]) => done<BatchResult>('processBatch', [batch]);
export const processBatchWithRateLimit = (batch: Item[]) =>
  done<BatchResult>('processBatchWithRateLimit', [batch]);
export const validateBatch = (batch: Item[]) => done<boolean>('validateBatch', [batch]);
export const analyzeBatch = (batch: Item[]) => done<{ needsProcessing: boolean }>('analyzeBatch', [batch]);

export const validateUser = (user: Item) => done<Item>('validateUser', [user]);
export const processUser = (user: Item) => done<BatchResult>('processUser', [user]);
export const processItem = (item: Item) => done<BatchResult>('processItem', [item]);
export const checkOrderStatus = (order: Item) =>
  done<{ needsProcessing: boolean }>('checkOrderStatus', [order]);
export const processOrder = (order: Item) => done<BatchResult>('processOrder', [order]);

export const updateCache = (result: BatchResult) => done<void>('updateCache', [result]);
export const logFailedBatch = (batch: Item[], error: unknown) => done<void>('logFailedBatch', [batch, error]);
export const logItemError = (item: Item, error: unknown) => done<void>('logItemError', [item, error]);
export const logBatchError = (batch: Item[], error: unknown) => done<void>('logBatchError', [batch, error]);
export const logBatchResult = (result: unknown) => done<void>('logBatchResult', [result]);
export const logSkippedOrder = (order: Item) => done<void>('logSkippedOrder', [order]);
export const logPerformance = (milliseconds: number, size: number) =>
  done<void>('logPerformance', [milliseconds, size]);
export const sendUserNotification = (user: Item) => done<void>('sendUserNotification', [user]);
export const sendOrderConfirmation = (order: Item) => done<void>('sendOrderConfirmation', [order]);
export const saveProgress = (progress: object) => done<void>('saveProgress', [progress]);
