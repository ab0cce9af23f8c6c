import type { CollectorType } from '#libs/contracts';
import type { Random } from '#libs/kernel';
import { NO_SITE } from '#libs/pki';

/** Longest DNS label: the name stands in the certificate's. */
const MAX_LENGTH = 63;

const SUFFIX_BYTES = 4;

/** The name of a collector and of its NATS user: type, site and chance, as one DNS label. */
export function newUserName(type: CollectorType, siteSlug: string | undefined, random: Random): string {
  const suffix = random(SUFFIX_BYTES).toString('hex');
  const room = MAX_LENGTH - type.length - suffix.length - 2;
  const site = (siteSlug ?? NO_SITE).slice(0, room).replace(/(?<!-)-+$/, '');
  return `${type}-${site}-${suffix}`;
}
