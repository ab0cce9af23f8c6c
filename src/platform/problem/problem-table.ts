import type { ErrorCode } from '#libs/contracts';

export const PROBLEM_STATUSES = [400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 500, 503] as const;

export type ProblemStatus = (typeof PROBLEM_STATUSES)[number];

/** Every error code as HTTP says it. The title is the same for each occurrence (RFC 9457, section 3.1.3). */
export const PROBLEMS: Record<ErrorCode, { status: ProblemStatus; title: string }> = {
  malformed_request: { status: 400, title: 'Malformed request' },
  tenant_required: { status: 400, title: 'Tenant required' },
  unauthenticated: { status: 401, title: 'Not authenticated' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  conflict: { status: 409, title: 'Conflict' },
  slug_taken: { status: 409, title: 'Slug taken' },
  jetstream_domain_taken: { status: 409, title: 'JetStream domain taken' },
  illegal_transition: { status: 409, title: 'Not possible in this state' },
  not_provisioned: { status: 409, title: 'Not provisioned yet' },
  nats_leaf_url_missing: { status: 409, title: 'Address of the leaf missing' },
  site_in_use: { status: 409, title: 'Site in use' },
  site_has_buffered_messages: { status: 409, title: 'Messages wait at the site' },
  buffer_unknown: { status: 409, title: 'Not known what waits at the site' },
  ca_not_trusted_everywhere: { status: 409, title: 'Sites do not trust the CA yet' },
  signing_key_in_use: { status: 409, title: 'Signing key in use' },
  request_in_progress: { status: 409, title: 'Still being done' },
  answer_lost: { status: 409, title: 'Done, and its answer lost' },
  stale: { status: 412, title: 'Changed in the meantime' },
  too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  validation_failed: { status: 422, title: 'Validation failed' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key used for something else' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  invalid_configuration: { status: 500, title: 'Invalid configuration' },
  profile_violation: { status: 500, title: 'Certificate against its profile' },
  issuer_expired: { status: 500, title: 'Issuer expired' },
  bundle_invalid: { status: 500, title: 'Invalid bundle' },
  unavailable: { status: 503, title: 'Unavailable' },
  hub_unreachable: { status: 503, title: 'Hub unreachable' },
};

/** A stable name, not an address: it does not resolve. */
export const problemType = (code: ErrorCode): string => `urn:serviceradar:problem:${code}`;
