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
  unavailable: status.UNAVAILABLE,
};

/** An error as an agent gets to see it. */
export function grpcError({ code, message }: DomainError): Pick<ServiceError, 'code' | 'details'> {
  return { code: STATUS[code] ?? status.INTERNAL, details: message };
}
