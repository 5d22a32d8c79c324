// A circuit breaker: after several failures in a row a server is left alone for a while, then tried with one request.

export interface Breaker {
  /** Whether a request may go out now. After the pause one may; its outcome decides for the others. */
  allows(): boolean;
  succeeded(): void;
  /** With `pauseMs`, what the server itself asked for, it is left alone at once and for so long. */
  failed(pauseMs?: number): void;
  /** Whether it is open: requests are refused, or one is being tried. */
  readonly open: boolean;
}

export function createBreaker({
  failures = 5,
  pauseMs = 30_000,
  now = Date.now,
}: {
  failures?: number;
  pauseMs?: number;
  now?: () => number;
} = {}): Breaker {
  let inARow = 0;
  let tryAgainAt = 0;
  return {
    allows() {
      if (inARow < failures) return true;
      if (now() < tryAgainAt) return false;
      tryAgainAt = now() + pauseMs;
      return true;
    },
    succeeded() {
      inARow = 0;
    },
    failed(asked) {
      inARow = asked === undefined ? inARow + 1 : Math.max(inARow + 1, failures);
      if (inARow >= failures) tryAgainAt = now() + (asked ?? pauseMs);
    },
    get open() {
      return inARow >= failures;
    },
  };
}
