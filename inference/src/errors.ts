// The one error this package throws on purpose; the worker turns it into a JobFailure.

export class InferenceError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  /** `message` says what happened, what was expected and what to do. Callers match on `code`, never on the text. */
  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'InferenceError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
