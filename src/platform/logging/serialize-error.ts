import { DomainError } from '#libs/kernel';
import { redactFields } from './redact.js';

const MAX_CAUSES = 5;

interface SerializedError {
  type: string;
  message: string;
  stack?: string;
  code?: string;
  context?: unknown;
  cause?: SerializedError;
}

/** What the log keeps of an error. Other fields stay out: those of database errors hold rows and parameters. */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!isErrorLike(error)) return { type: typeof error, message: String(error) };
  const { name, message, stack, code, cause } = error;
  return {
    type: name,
    message,
    ...(stack !== undefined && { stack }),
    ...(typeof code === 'string' && { code }),
    ...(error instanceof DomainError && { context: redactFields(error.context) }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: serializeError(cause, depth + 1) }),
  };
}

type ErrorLike = Error & { code?: unknown };

/** Not `instanceof`, which says no to errors of another realm. */
const isErrorLike = (error: unknown): error is ErrorLike =>
  typeof error === 'object' && error !== null && 'message' in error && 'name' in error;
