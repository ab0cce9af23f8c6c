import { type ServiceError, status } from '@grpc/grpc-js';
import type { ErrorCode } from '#libs/contracts';
import type { DomainError } from '#libs/kernel';

/** Error codes that are something else to an agent than our own fault (gRPC, "Status codes and their use"). */
const STATUS: Partial<Record<ErrorCode, status>> = {
  malformed_request: status.INVALID_ARGUMENT,
  validation_failed: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  not_found: status.NOT_FOUND,
  conflict: status.ABORTED,
  illegal_transition: status.FAILED_PRECONDITION,
  issuer_expired: status.FAILED_PRECONDITION,
  rate_limited: status.RESOURCE_EXHAUSTED,
  too_large: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  hub_unreachable: status.UNAVAILABLE,
};

/** What only gRPC knows: a call that took too long. */
export class CallTimeout extends Error {}

/** An error as an agent gets to see it. */
export function grpcError({ code, message, cause }: DomainError): Pick<ServiceError, 'code' | 'details'> {
  if (cause instanceof CallTimeout) return { code: status.DEADLINE_EXCEEDED, details: cause.message };
  return { code: STATUS[code] ?? status.INTERNAL, details: message };
}
