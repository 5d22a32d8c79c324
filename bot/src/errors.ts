// The one error the packages throw on purpose: a stable code, a sentence that says what to do, and whether trying again can help.

export class TroupeError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  /** `message` says what happened, what was expected and what to do. Callers match on `code`, never on the text. */
  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'TroupeError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
