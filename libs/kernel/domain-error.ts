import type { ErrorCode } from '#libs/contracts';

/** One field of the input that was refused. `pointer` is a JSON pointer (RFC 6901) into the request body. */
export interface FieldError {
  pointer: string;
  code: string;
  detail: string;
}

interface DomainErrorOptions {
  /** For the log only; never shown to a caller. */
  context?: Record<string, unknown>;
  /** Whether the same call may succeed later without anybody changing anything. */
  retryable?: boolean;
  errors?: FieldError[];
  cause?: unknown;
}

/**
 * The one error that services throw. It knows nothing of transports: `platform/problem` maps `code` to a status.
 *
 * `message` is shown to people: it says what was wrong, with which value, and what to do, and never holds a secret.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly context: Record<string, unknown>;
  readonly retryable: boolean;
  readonly errors: FieldError[];

  constructor(code: ErrorCode, message: string, options: DomainErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'DomainError';
    this.code = code;
    this.context = options.context ?? {};
    this.retryable = options.retryable ?? false;
    this.errors = options.errors ?? [];
  }
}
