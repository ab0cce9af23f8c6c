import { Secret } from '#libs/kernel';
import type { AlertChannel } from '#libs/model';
import type { KeyRing, Place } from '../platform/encryption/index.js';

/** What a webhook's URL and key are sealed as. */
export interface ChannelSecret {
  url: Secret;
  /** What messages are signed with; undefined for Slack, which has no use for it. */
  key?: Secret;
}

type Row = Pick<AlertChannel, 'id' | 'tenantId'>;

const placeOf = ({ id, tenantId }: Row): Place => ({ table: 'alert_channels', column: 'secret', rowId: id, tenantId });

export const sealChannelSecret = (ring: KeyRing, row: Row, { url, key }: ChannelSecret): string =>
  ring.seal(new Secret(JSON.stringify({ url: url.reveal(), key: key?.reveal() })), placeOf(row));

/** @throws DomainError `internal` */
export function openChannelSecret(ring: KeyRing, row: Row, ciphertext: string): ChannelSecret {
  const { url, key } = JSON.parse(ring.open(ciphertext, placeOf(row)).reveal()) as { url: string; key?: string };
  return { url: new Secret(url), ...(key !== undefined && { key: new Secret(key) }) };
}
