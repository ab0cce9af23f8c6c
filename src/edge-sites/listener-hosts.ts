import { DomainError, type FieldError } from '#libs/kernel';
import { assertGrantable, sortHosts } from '#libs/pki';
import { hostOf } from '../nats/index.js';

interface ListenerHosts {
  natsLeafUrl?: string | null;
  serverSans?: readonly string[];
}

/** Further hosts that the certificate of a leaf's listener names. */
export const listenerHosts = ({ natsLeafUrl, serverSans = [] }: ListenerHosts): string[] => [
  ...(natsLeafUrl ? [hostOf(natsLeafUrl)] : []),
  ...serverSans,
];

/**
 * Refuses early what the certificate's profile would refuse in the end.
 * @param reserved hosts of the platform itself
 * @throws DomainError `validation_failed` naming each host that cannot be
 */
export function checkListenerHosts({ natsLeafUrl, serverSans = [] }: ListenerHosts, reserved: readonly string[]): void {
  const errors = [
    ...(natsLeafUrl ? refusal('/nats_leaf_url', hostOf(natsLeafUrl), reserved) : []),
    ...serverSans.flatMap((host, index) => refusal(`/server_sans/${index}`, host, reserved)),
  ];
  if (errors.length === 0) return;
  throw new DomainError('validation_failed', 'The certificate of the leaf cannot name some of these hosts.', { errors });
}

function refusal(pointer: string, host: string, reserved: readonly string[]): FieldError[] {
  try {
    sortHosts([host]);
    assertGrantable([host], undefined, reserved);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return [{ pointer, code: 'host_not_allowed', detail: error.message }];
  }
}
