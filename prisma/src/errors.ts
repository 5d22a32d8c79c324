// The one error this package throws on purpose: a stable code and a sentence that says what to do.

export class StoreError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  /** `message` says what happened, what was expected and what to do. Callers match on `code`, never on the text. */
  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
