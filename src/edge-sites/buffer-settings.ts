import { DomainError } from '#libs/kernel';
import type { BufferDiscard, EdgeSite, NatsLeafServer } from '#libs/model';
import { leafStreamCapacity } from '#libs/nats';

/** What a site's leaf keeps. */
export interface BufferSettings {
  /** Seconds. */
  maxAge?: number;
  /** Bytes; null is as many as the leaf's JetStream has room for. */
  maxBytes?: number | null;
  discard?: BufferDiscard;
}

/** What a leaf keeps when its site does not say otherwise: seven days, as its disk allows, the newest. */
export const BUFFER_DEFAULTS = { bufferMaxAge: 7 * 24 * 60 * 60, bufferMaxBytes: null, bufferDiscard: 'old' } as const;

/** As columns of the site. */
export const bufferColumns = ({ maxAge, maxBytes, discard }: BufferSettings = {}) => ({
  bufferMaxAge: maxAge,
  bufferMaxBytes: maxBytes,
  bufferDiscard: discard,
});

/** @throws DomainError `validation_failed` when the buffer is larger than what the leaf's stream may take */
export function checkBufferFits({ bufferMaxBytes }: EdgeSite, { jetstreamMaxFileBytes }: NatsLeafServer): void {
  const capacity = leafStreamCapacity(jetstreamMaxFileBytes);
  if (bufferMaxBytes == null || bufferMaxBytes <= capacity) return;
  const detail =
    `Of jetstream_max_file_bytes (${jetstreamMaxFileBytes}) the buffer may take ${capacity} bytes, and ${bufferMaxBytes} is more. ` +
    'Lower buffer.max_bytes, let it be null, or give the leaf more disk.';
  throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/buffer/max_bytes', code: 'too_large', detail }] });
}
