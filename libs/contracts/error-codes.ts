/** Every code that an error can carry on the wire. A published code keeps its meaning. */
export const ERROR_CODES = [
  'malformed_request',
  'unauthenticated',
  'tenant_required',
  'forbidden',
  'not_found',
  'conflict',
  'slug_taken',
  'jetstream_domain_taken',
  'illegal_transition',
  'not_provisioned',
  'nats_leaf_url_missing',
  'site_in_use',
  'stale',
  'too_large',
  'unsupported_media_type',
  'validation_failed',
  'rate_limited',
  'unavailable',
  'internal',
  'invalid_configuration',
  'profile_violation',
  'issuer_expired',
  'hub_unreachable',
  'bundle_invalid',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
