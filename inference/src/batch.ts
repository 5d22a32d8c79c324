// Busy batching: what comes while the model is busy is run together once it is free; an idle model never waits for company.

export interface Batcher<Item, Result> {
  /**
   * Resolves with this item's own result. Rejects with this item's own failure, with what `run` rejected with (then the whole batch fails alike),
   * or, while it still waits, with its signal's reason.
   */
  submit(item: Item, options?: { background?: boolean; signal?: AbortSignal }): Promise<Result>;
}

export interface BatcherOptions<Item, Result> {
  /** Gets items of one bucket, oldest first. Answers as many results in the same order; an Error stands for an item that failed alone. */
  run: (items: Item[]) => Promise<(Result | Error)[]>;
  /** Items of one bucket may share a batch. */
  bucketOf?: (item: Item) => number;
  /** How many batches may run at a time. */
  lanes?: number;
  maxBatch?: number;
  /** Background items run only when nothing else waits, and leave one lane free where there is more than one. Alone by default: see `encode`. */
  maxBackgroundBatch?: number;
  /**
   * Background items run once nothing else has come for so long, or once they have waited `patienceMs` for it: between the messages of many people
   * every lane is free for a moment, and what is filled in then is their time.
   */
  quietMs?: number;
  patienceMs?: number;
  onBatch?: (size: number) => void;
  now?: () => number;
  after?: (ms: number, then: () => void) => void;
}

export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { run, bucketOf = () => 0, lanes = 1, maxBatch = 32, maxBackgroundBatch = 1, quietMs = 0, patienceMs = 1000, onBatch } = options;
  const { now = () => performance.now(), after = (ms, then) => void setTimeout(then, ms).unref() } = options;
  const waiting: Entry<Item, Result>[] = [];
  const background: Entry<Item, Result>[] = [];
  let busy = 0;
  let busyBackground = 0;
  let lastSubmitted = Number.NEGATIVE_INFINITY;
  let lastBackground = Number.NEGATIVE_INFINITY;
  let isLooking = false;
  /** Until background items may run. */
  const untilQuiet = () => Math.min(lastSubmitted + quietMs, lastBackground + patienceMs) - now();

  const start = (): void => {
    while (busy < lanes && waiting.length > 0) void runBatch(take(waiting, maxBatch), false);
    const mayStart = () => busy < lanes && (lanes === 1 || busyBackground < lanes - 1);
    while (mayStart() && background.length > 0 && untilQuiet() <= 0) {
      lastBackground = now();
      void runBatch(take(background, maxBackgroundBatch), true);
    }
    if (background.length === 0 || isLooking || untilQuiet() <= 0) return;
    isLooking = true;
    after(untilQuiet(), () => {
      isLooking = false;
      start();
    });
  };

  /** The oldest entry's bucket decides. */
  const take = (queue: Entry<Item, Result>[], limit: number): Entry<Item, Result>[] => {
    const bucket = queue[0]?.bucket;
    const batch: Entry<Item, Result>[] = [];
    for (let i = 0; i < queue.length && batch.length < limit; ) {
      if (queue[i]?.bucket === bucket) batch.push(...queue.splice(i, 1));
      else i++;
    }
    return batch;
  };

  const runBatch = async (batch: Entry<Item, Result>[], inBackground: boolean): Promise<void> => {
    busy++;
    if (inBackground) busyBackground++;
    onBatch?.(batch.length);
    try {
      const results = await run(batch.map(({ item }) => item));
      if (results.length !== batch.length)
        throw new Error(`a batch of ${batch.length} gave ${results.length} results; it must give one for each`);
      batch.forEach((entry, i) => {
        const result = results[i] as Result | Error;
        if (result instanceof Error) entry.reject(result);
        else entry.resolve(result);
      });
    } catch (error) {
      for (const entry of batch) entry.reject(error as Error);
    } finally {
      for (const entry of batch) entry.settled?.();
      busy--;
      if (inBackground) busyBackground--;
      start();
    }
  };

  return {
    submit(item, { background: inBackground = false, signal } = {}) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const queue = inBackground ? background : waiting;
        if (!inBackground) lastSubmitted = now();
        const entry: Entry<Item, Result> = { item, bucket: bucketOf(item), resolve, reject };
        const leave = () => {
          const at = queue.indexOf(entry);
          if (at >= 0) queue.splice(at, 1);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', leave, { once: true });
        entry.settled = () => signal?.removeEventListener('abort', leave);
        queue.push(entry);
        start();
      });
    },
  };
}

interface Entry<Item, Result> {
  item: Item;
  bucket: number;
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
  settled?: () => void;
}
